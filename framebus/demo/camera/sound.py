"""PyAV: the sound of a file as a track: AAC as it is, or G.711 made from whatever is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import av

from framebus.demo.camera.rtp import aac_payload, packets
from framebus.demo.camera.track import Stretch, Track, Unit, aac_track, g711_track

Law = Literal["pcmu", "pcma"]
ENCODERS: Final = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}
G711_RATE: Final = 8_000
G711_PACKET_BYTES: Final = 160


def read_sound(path: Path, law: Law | None, *, number: int, alone: bool) -> Stretch | None:
    """Read the sound of a file as track `number`, None where it has none.

    `law`: send it as G.711; without one AAC stays AAC and all else becomes µ-law. `alone`: there is no video.
    """
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        if law is None and stream.codec_context.name == "aac":
            track, payloads, step_seconds = _aac(container, stream)
        else:
            track, payloads, step_seconds = _g711(container, law or "pcmu")
    units = []
    for index, payload in enumerate(payloads):
        at_seconds = index * step_seconds
        made = packets([payload], track.payload_type, channel=2 * number)
        units.append(Unit(number, at_seconds, at_seconds, alone, made))
    return Stretch(track, tuple(units), len(units) * step_seconds)


def _aac(container: Any, stream: Any) -> tuple[Track, list[bytes], float]:
    context = stream.codec_context
    track = aac_track(bytes(context.extradata), context.sample_rate, context.channels)
    frames = [aac_payload(bytes(packet)) for packet in container.demux(stream) if packet.size]
    return track, frames, (context.frame_size or 1024) / context.sample_rate


def _g711(container: Any, law: Law) -> tuple[Track, list[bytes], float]:
    sound = b"".join(_encoded(container, law))
    whole = len(sound) - len(sound) % G711_PACKET_BYTES
    cut = [sound[at : at + G711_PACKET_BYTES] for at in range(0, whole, G711_PACKET_BYTES)]
    return g711_track(law), cut, G711_PACKET_BYTES / G711_RATE


def _encoded(container: Any, law: Law) -> Iterator[bytes]:
    encoder: Any = av.CodecContext.create(ENCODERS[law], "w")
    encoder.sample_rate, encoder.layout, encoder.format = G711_RATE, "mono", "s16"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=G711_RATE)
    for frame in (*container.decode(audio=0), None):
        for resampled in resampler.resample(frame):
            yield from map(bytes, encoder.encode(resampled))

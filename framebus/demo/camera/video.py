"""PyAV: the video of a file as a track."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av

from framebus.demo.camera.nal import Parameters, h264_parameters, h265_parameters, nal_units
from framebus.demo.camera.rtp import h264_payloads, h265_payloads, packets
from framebus.demo.camera.track import VIDEO_PAYLOAD_TYPE, Stretch, Track, Unit, h264_track, h265_track


class NotServable(ValueError):  # noqa: N818  what it is
    """The file has nothing that this server can send; the text names it."""


@dataclass(frozen=True)
class VideoCodec:
    """How one codec travels in RTP."""

    parameters: Callable[[bytes], Parameters]
    track: Callable[[Sequence[bytes]], Track]
    payloads: Callable[[bytes], Iterator[bytes]]


CODECS: Final = {
    "h264": VideoCodec(h264_parameters, h264_track, h264_payloads),
    "hevc": VideoCodec(h265_parameters, h265_track, h265_payloads),
}


def read_video(path: Path) -> Stretch | None:
    """Read the video of a file as track 0, None where it has none; raises `NotServable`."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            return None
        stream = container.streams.video[0]
        codec = CODECS.get(stream.codec_context.name)
        if codec is None:
            raise NotServable(f"{path} is {stream.codec_context.name}: only {' and '.join(CODECS)} can be sent")
        parameters = codec.parameters(bytes(stream.codec_context.extradata or b""))
        track = codec.track(parameters.sets)
        units = tuple(_units(container, stream, codec, parameters))
        frame_seconds = float(1 / (stream.average_rate or 25))
    return Stretch(track, units, max(unit.pts_seconds for unit in units) + frame_seconds)


def access_unit_payloads(nals: Sequence[bytes], sets: Sequence[bytes], codec: VideoCodec, *, keyframe: bool) -> list[bytes]:
    """Return what an access unit puts into packets: a keyframe carries the parameter sets, as those of cameras do."""
    own = [nal for nal in nals if nal not in sets]
    return [payload for nal in (*(sets if keyframe else ()), *own) for payload in codec.payloads(nal)]


def _units(container: Any, stream: Any, codec: VideoCodec, parameters: Parameters) -> Iterator[Unit]:
    found = [packet for packet in container.demux(stream) if packet.size and packet.pts is not None]
    origin = min(packet.pts for packet in found)
    send_seconds = 0.0
    for packet in found:
        pts_seconds = float((packet.pts - origin) * stream.time_base)
        # What comes before its reference cannot be encoded yet: a live encoder sends a P-frame, then the B-frames before it.
        send_seconds = max(send_seconds, pts_seconds)
        keyframe = bool(packet.is_keyframe)
        nals = nal_units(bytes(packet), parameters.length_bytes)
        payloads = access_unit_payloads(nals, parameters.sets, codec, keyframe=keyframe)
        yield Unit(0, pts_seconds, send_seconds, keyframe, packets(payloads, VIDEO_PAYLOAD_TYPE, channel=0))

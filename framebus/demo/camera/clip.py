"""PyAV: a file as a source that loops for ever."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av

from framebus.demo.camera.nal import Parameters, h264_parameters, h265_parameters, nal_units
from framebus.demo.camera.rtp import h264_payloads, h265_payloads, packets
from framebus.demo.camera.track import Track, Unit, h264_track, h265_track


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


class NotServable(ValueError):  # noqa: N818  what it is
    """The file has nothing that this server can send; the text names it."""


@dataclass(frozen=True)
class Clip:
    """A file in memory: its tracks, its units in the order of sending, and its length."""

    tracks: tuple[Track, ...]
    units: tuple[Unit, ...]
    span_seconds: float

    def playback(self, from_seconds: float) -> "Loop":
        """Begin with the first unit at `from_seconds` of the clock of the mount."""
        return Loop(self, from_seconds)


class Loop:
    """A clip that is being sent, again and again; timestamps go on."""

    def __init__(self, clip: Clip, from_seconds: float) -> None:
        self._clip = clip
        self._from_seconds = from_seconds
        self._taken = 0

    @property
    def due_seconds(self) -> float:
        """When the next unit is to be sent."""
        unit, began_seconds = self._next()
        return began_seconds + unit.send_seconds

    def take(self, now_seconds: float) -> tuple[Unit, float]:
        """Return the next unit and its pts on the clock of the mount."""
        unit, began_seconds = self._next()
        self._taken += 1
        return unit, began_seconds + unit.pts_seconds

    def _next(self) -> tuple[Unit, float]:
        rounds, index = divmod(self._taken, len(self._clip.units))
        return self._clip.units[index], self._from_seconds + rounds * self._clip.span_seconds


def read_clip(path: Path) -> Clip:
    """Read an H.264 or H.265 file; raises `NotServable`."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise NotServable(f"{path} has no video")
        stream = container.streams.video[0]
        codec = CODECS.get(stream.codec_context.name)
        if codec is None:
            raise NotServable(f"{path} is {stream.codec_context.name}: only {' and '.join(CODECS)} can be sent")
        track, units = read_video(container, stream, codec, number=0)
    frame_seconds = float(1 / (stream.average_rate or 25))
    return Clip((track,), tuple(units), max(unit.pts_seconds for unit in units) + frame_seconds)


def read_video(container: Any, stream: Any, codec: VideoCodec, number: int) -> tuple[Track, list[Unit]]:
    """Read a video stream as track `number`: every keyframe carries the parameter sets."""
    parameters = codec.parameters(bytes(stream.codec_context.extradata))
    track = codec.track(parameters.sets)
    found = [packet for packet in container.demux(stream) if packet.size and packet.pts is not None]
    origin = min(packet.pts for packet in found)
    units, send_seconds = [], 0.0
    for packet in found:
        pts_seconds = float((packet.pts - origin) * stream.time_base)
        # What comes before its reference cannot be encoded yet: a live encoder sends a P-frame, then the B-frames before it.
        send_seconds = max(send_seconds, pts_seconds)
        nals = [nal for nal in nal_units(bytes(packet), parameters.length_bytes) if nal not in parameters.sets]
        sent = [*parameters.sets, *nals] if packet.is_keyframe else nals
        payloads = [payload for nal in sent for payload in codec.payloads(nal)]
        made = packets(payloads, track.payload_type, channel=2 * number)
        units.append(Unit(number, pts_seconds, send_seconds, bool(packet.is_keyframe), made))
    return track, units

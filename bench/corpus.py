"""A long real video, made by repeating a short one without encoding it again."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av


def repeat_video(source: Path, target: Path, *, at_least_seconds: float) -> float:
    """Write `source` to `target` again and again until it lasts `at_least_seconds`; return the seconds.

    Only the video stream is kept. Every repetition begins at a keyframe, so the file can be sought exactly.
    """
    with av.open(str(source)) as first:
        stream = first.streams.video[0]
        packets = [packet for packet in first.demux(stream) if packet.pts is not None]
        length = _length(packets)
        seconds = float(length * (stream.time_base or Fraction(1)))
        times = int(at_least_seconds // seconds) + 1
        with av.open(str(target), "w") as whole:
            out = whole.add_stream_from_template(stream)
            for packet in _repeated(packets, length, times):
                packet.stream = out
                whole.mux(packet)
    return seconds * times


def _length(packets: list[Any]) -> int:
    """Return the length of the stream in units of its time base."""
    return int(max(packet.pts + (packet.duration or 0) for packet in packets) - min(packet.pts for packet in packets))


def _repeated(packets: list[Any], length: int, times: int) -> Iterator[Any]:
    originals = [(packet.pts, packet.dts) for packet in packets]
    for number in range(times):
        for packet, (pts, dts) in zip(packets, originals, strict=True):
            packet.pts, packet.dts = pts + number * length, None if dts is None else dts + number * length
            yield packet

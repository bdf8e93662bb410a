"""PyAV: what a clip shows, as a player would find it."""

import io
from dataclasses import dataclass

import av


@dataclass(frozen=True)
class Shown:
    """The pictures of a clip that can be decoded."""

    pictures: int
    seconds: float
    width: int
    height: int


def shown_by(clip: bytes) -> Shown:
    """Decode an MP4 and return what it shows from its start on; raises `ValueError` when that is nothing."""
    with av.open(io.BytesIO(clip), "r") as container:
        stream = container.streams.video[0]
        pictures = [frame.time for frame in container.decode(stream) if frame.time is not None and frame.time >= 0]
        if not pictures:
            raise ValueError("the clip shows no picture")
        rate = float(stream.average_rate or len(pictures))
        return Shown(len(pictures), pictures[-1] - pictures[0] + 1 / rate, stream.width, stream.height)

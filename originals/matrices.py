"""PyAV: the matrix by which the YUV of a frame becomes RGB."""

from typing import Final

import av
from av.video.reformatter import Colorspace

CONVERTED: Final = frozenset((0, 1, 2, 4, 5, 6, 7, 9))
"""Those that FFmpeg converts (`MatrixCoefficients` of ITU-T H.273). Frames of any other, as YCgCo, it refuses to scale."""


def stand_in(frame: av.VideoFrame) -> Colorspace | None:
    """Return the matrix that a frame is read by instead of one that FFmpeg refuses: greys stay as they are. None: its own."""
    return None if frame.colorspace in CONVERTED else Colorspace.ITU709

"""PyAV: the picture of a frame, upright, in square pixels, as a JPEG."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, cast

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from originals.matrices import stand_in
from schemas.limits import PAYLOAD_LIMIT_BYTES
from services.decoder.jpeg import encode_jpeg
from services.decoder.size import picture_size

Matrix = tuple[int, int, int, int]
"""a, b, c, d of a display matrix: a decoded point (x, y) is shown at (a·x + c·y, b·x + d·y)."""

UPRIGHT: Final[Matrix] = (1, 0, 0, 1)


@dataclass(frozen=True, slots=True)
class Picture:
    """A sample of a video: a JPEG at its time."""

    t_ms: int
    jpeg: bytes
    width: int
    height: int


class Painter:
    """Makes pictures of one video's frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._matrices: dict[int, Matrix] = {}

    def picture(self, t_ms: int, frame: av.VideoFrame, sample_aspect: Fraction | None) -> Picture | None:
        """Return None of a frame that FFmpeg cannot scale or the JPEG encoder refuses: it is as unusable as a damaged one."""
        try:
            return self._picture(t_ms, frame, sample_aspect)
        except (FFmpegError, ValueError):
            return None

    def _picture(self, t_ms: int, frame: av.VideoFrame, sample_aspect: Fraction | None) -> Picture:
        """Scale from YUV to YUV, in full range and BT.601: what a JPEG's numbers mean, whatever the video's mean."""
        width, height = picture_size(frame.width, frame.height, sample_aspect)
        scaled = self._reformatter.reformat(
            frame,
            width,
            height,
            format="yuv420p",
            src_colorspace=stand_in(frame),
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        planes = [_upright(_array(plane), self._matrix(scaled)) for plane in scaled.planes]
        height, width = planes[0].shape
        jpeg = encode_jpeg(planes)
        if len(jpeg) > PAYLOAD_LIMIT_BYTES:
            raise ValueError(f"a JPEG of {len(jpeg)} bytes: at most {PAYLOAD_LIMIT_BYTES}")
        return Picture(t_ms, jpeg, width, height)

    def _matrix(self, frame: av.VideoFrame) -> Matrix:
        """Look the display matrix up once for each rotation: a frame whose side data was asked for is freed late.

        So it is asked of a scaled frame, which keeps less than the decoder's, and no decoder's buffers.
        """
        rotation = frame.rotation
        if rotation not in self._matrices:
            self._matrices[rotation] = _display_matrix(frame)
        return self._matrices[rotation]


def _display_matrix(frame: av.VideoFrame) -> Matrix:
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(cast("Any", side_data)))
    return a, b, c, d


def _array(plane: Any) -> npt.NDArray[np.uint8]:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def _upright(plane: npt.NDArray[np.uint8], matrix: Matrix) -> npt.NDArray[np.uint8]:
    """Turn and mirror a plane to the nearest quarter turn of its display matrix."""
    a, b, c, d = matrix
    turned = abs(b) + abs(c) > abs(a) + abs(d)
    across, down = (c, b) if turned else (a, d)
    plane = plane.T if turned else plane
    return plane[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]

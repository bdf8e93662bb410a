"""JPEG from YCbCr planes, without a way through RGB."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg

QUALITY: Final = 85


def encode_jpeg(planes: Sequence[npt.NDArray[np.uint8]]) -> bytes:
    """Return the JPEG of Y (height, width), Cb and Cr (half of each, rounded up): BT.601 in full range, as JFIF has it."""
    luma, blue, red = (np.ascontiguousarray(plane) for plane in planes)
    return bytes(simplejpeg.encode_jpeg_yuv_planes(luma, blue, red, quality=QUALITY))

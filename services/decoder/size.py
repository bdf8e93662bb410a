"""How large a picture goes out: the display aspect ratio, a short side for every encoder, never more than the source has."""

from fractions import Fraction
from math import sqrt
from typing import Final

from schemas.limits import FRAME_SHORT_SIDE_PX

LARGEST_PIXELS: Final = 1_000_000
"""Keeps nearly every JPEG under the payload limit, those of noise too; reached only by pictures twelve times as long as wide."""

LONGEST_SIDE_PX: Final = 65_500
"""The JPEG encoder takes no longer one."""

STRANGEST_SAMPLE_ASPECT: Final = 8
"""A sample aspect ratio beyond this, or its inverse, is a damaged header."""


def picture_size(width: int, height: int, sample_aspect: Fraction | None) -> tuple[int, int]:
    """Return width and height of the outgoing picture, square pixels, for a decoded one of `width` x `height`.

    Pixels that are not square are squared by stretching the shorter direction, so no line is lost. Both are even: chroma has
    half of each, and the JPEG encoder reads past the end of a plane with an odd number of lines.
    """
    aspect = sample_aspect or Fraction(1)
    if not Fraction(1, STRANGEST_SAMPLE_ASPECT) <= aspect <= STRANGEST_SAMPLE_ASPECT:
        aspect = Fraction(1)
    wide, high = width * max(1.0, float(aspect)), height * max(1.0, float(1 / aspect))
    fits = sqrt(LARGEST_PIXELS / (wide * high)), LONGEST_SIDE_PX / max(wide, high)
    scale = min(1.0, FRAME_SHORT_SIDE_PX / min(wide, high), *fits)
    return _even(wide * scale), _even(high * scale)


def _even(length: float) -> int:
    return max(2, round(length) & ~1)

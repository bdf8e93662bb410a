"""Pictures in and out of bytes, through OpenCV. It releases the interpreter lock, so callers may use a few threads."""

from collections.abc import Collection
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from encoders.picture_size import Format, PictureSize, read_size
from schemas.errors import InvalidMessage
from schemas.limits import JPEG_PIXELS_LIMIT

Pixels = npt.NDArray[np.uint8]
"""RGB, shape [height, width, 3]."""
Resize = Literal["squash", "pad"]

FRAME_FORMATS: Final[tuple[Format, ...]] = ("JPEG",)
QUERY_FORMATS: Final[tuple[Format, ...]] = ("JPEG", "PNG", "WebP")
PADDING: Final = (128, 128, 128)
"""Mid-grey: about zero after any model's normalisation."""
REDUCED: Final = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
MOST_SCANS: Final = 100
"""Every scan of a progressive JPEG goes over all of its pixels; cameras and programs write about ten, a bomb ten thousand."""
START_OF_SCAN: Final = b"\xff\xda"
KEEP: Final = 1.5
"""A JPEG is decoded at 1/2, 1/4 or 1/8 while that leaves this many times the wanted size for the area filter."""


def decode(picture: bytes, width: int, height: int, *, accept: Collection[Format] = FRAME_FORMATS) -> Pixels:
    """Return a picture's pixels, upright as EXIF says; a JPEG far larger than `width` x `height` comes back reduced.

    Raises `InvalidMessage` for what is no picture of an accepted format, truncated, or of more than `JPEG_PIXELS_LIMIT` pixels.
    """
    size = read_size(picture)
    _check(size, accept)
    if size.format == "JPEG" and (scans := picture.count(START_OF_SCAN)) > MOST_SCANS:
        raise InvalidMessage(f"the JPEG has {scans} scans: at most {MOST_SCANS} are decoded")
    flags = cv2.IMREAD_COLOR_RGB | _reduction_flag(size, width, height)
    try:
        pixels = cv2.imdecode(np.frombuffer(picture, np.uint8), flags)
    except cv2.error as error:
        raise InvalidMessage(f"the {size.format} cannot be decoded: {error.err}") from None
    if pixels is None:
        raise InvalidMessage(f"the {size.format} of {len(picture)} bytes is broken or truncated")
    return np.asarray(pixels, np.uint8)


def fit(pixels: Pixels, width: int, height: int, resize: Resize) -> Pixels:
    """Return `pixels` as [height, width, 3]: the whole picture, either squashed or padded with grey. Nothing is ever cut off."""
    if resize == "squash":
        return scale(pixels, width, height)
    ratio = min(width / pixels.shape[1], height / pixels.shape[0])
    inner = scale(pixels, max(1, round(pixels.shape[1] * ratio)), max(1, round(pixels.shape[0] * ratio)))
    left, top = (width - inner.shape[1]) // 2, (height - inner.shape[0]) // 2
    right, bottom = width - inner.shape[1] - left, height - inner.shape[0] - top
    return np.asarray(cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_CONSTANT, value=PADDING), np.uint8)


def scale(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return `pixels` at another size: the area filter where a side shrinks, linear where one grows."""
    narrow, low = min(width, pixels.shape[1]), min(height, pixels.shape[0])
    if (low, narrow) != pixels.shape[:2]:
        pixels = np.asarray(cv2.resize(pixels, (narrow, low), interpolation=cv2.INTER_AREA), np.uint8)
    if (height, width) != pixels.shape[:2]:
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return pixels


def thumbnail(jpeg: bytes, longest_px: int, quality: int = 80) -> bytes:
    """Return a JPEG as a small JPEG, longest side at most `longest_px`; raises `InvalidMessage` as `decode` does."""
    pixels = decode(jpeg, longest_px, longest_px)
    ratio = min(1.0, longest_px / max(pixels.shape[:2]))
    small = scale(pixels, max(1, round(pixels.shape[1] * ratio)), max(1, round(pixels.shape[0] * ratio)))
    return encode_jpeg(small, quality)


def encode_jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    """Return RGB pixels as a JPEG."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(encoded)


def decode_on_callers_threads() -> None:
    """Keep OpenCV from adding a thread pool of its own below the caller's threads."""
    cv2.setNumThreads(1)


def _check(size: PictureSize, accept: Collection[Format]) -> None:
    if size.format not in accept:
        raise InvalidMessage(f"the picture is a {size.format}: expected {' or '.join(accept)}")
    if size.width * size.height > JPEG_PIXELS_LIMIT:
        raise InvalidMessage(
            f"the {size.format} has {size.width} x {size.height} pixels: at most {JPEG_PIXELS_LIMIT} are decoded"
        )


def _reduction_flag(size: PictureSize, width: int, height: int) -> int:
    if size.format != "JPEG":
        return 0
    room = min(size.width / width, size.height / height) / KEEP
    factor = max((factor for factor in REDUCED if factor <= room), default=0)
    return (REDUCED[factor] & ~cv2.IMREAD_COLOR_BGR) if factor else 0

"""Sizes are read from headers alone, and bytes that are no picture are refused in words."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.picture_size import read_size
from schemas.errors import InvalidMessage


def encoded(extension: str, width: int = 37, height: int = 23, *options: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return bytes(cv2.imencode(extension, pixels, options)[1])


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        (encoded(".jpg"), "JPEG"),
        (encoded(".jpg", 37, 23, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "JPEG"),
        (encoded(".png"), "PNG"),
        (encoded(".webp", 37, 23, cv2.IMWRITE_WEBP_QUALITY, 80), "WebP"),
        (encoded(".webp", 37, 23, cv2.IMWRITE_WEBP_QUALITY, 101), "WebP"),
    ],
)
def test_the_size_is_read_from_the_header(picture: bytes, name: str) -> None:
    assert read_size(picture) == (name, 37, 23)


def test_an_extended_webp_states_its_canvas() -> None:
    canvas = (36).to_bytes(3, "little") + (22).to_bytes(3, "little")
    assert read_size(b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + canvas) == ("WebP", 37, 23)


def test_a_thumbnail_inside_a_jpeg_is_not_taken_for_the_picture() -> None:
    outer = encoded(".jpg", 64, 48)
    inner = encoded(".jpg", 16, 16)
    exif = b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner
    assert read_size(outer[:2] + exif + outer[2:])[1:] == (64, 48)


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"", "not a picture"),
        (b"GIF89a" + bytes(20), "expected JPEG, PNG or WebP"),
        (b"\xff\xd8", "ends inside its header"),
        (b"\xff\xd8\xff\xe0\xff\xff" + bytes(10), "ends inside its header"),
        (b"\xff\xd8\x00\x00", "where a marker must begin"),
        (encoded(".png")[:18], "ends inside its header"),
        (encoded(".png")[:-20], "broken or truncated"),
        (encoded(".png").replace(b"\0\0\0\0IEND", b"\x96\0\x07\xd1IDAT"), "its chunk b'IDAT' has 2516584401 bytes"),
        (b"RIFF\0\0\0\0WEBPABCD" + bytes(20), "first chunk is"),
        (b"\x89PNG\r\n\x1a\n" + bytes(16), "no pixels"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(picture: bytes, reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        read_size(picture)


@given(
    st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 "]),
    st.binary(max_size=80),
)
def test_any_bytes_give_a_size_or_a_refusal(start: bytes, rest: bytes) -> None:
    try:
        size = read_size(start + rest)
    except InvalidMessage:
        return
    assert size.width > 0
    assert size.height > 0

"""Pictures are decoded with guards and resized without losing anything of them."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.picture_size import read_size
from encoders.pictures import PADDING, QUERY_FORMATS, Pixels, decode, encode_jpeg, fit, scale, thumbnail
from schemas.errors import InvalidMessage

JPEG = encode_jpeg(np.random.default_rng(1).integers(0, 256, (72, 96, 3), dtype=np.uint8))


def smooth(width: int, height: int) -> Pixels:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([x, y, 255 - x], axis=2).astype(np.uint8)


def test_colours_come_out_as_rgb() -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[:, :, 0] = 255
    pixel = decode(encode_jpeg(red), 64, 48)[24, 32]
    assert pixel[0] > 240
    assert pixel[1:].max() < 15


@pytest.mark.parametrize(("factor", "width"), [(1, 96), (2, 48), (4, 24), (8, 12)])
def test_a_jpeg_far_larger_than_wanted_is_decoded_reduced_and_looks_the_same(factor: int, width: int) -> None:
    jpeg = encode_jpeg(smooth(192, 144))
    reduced = decode(jpeg, width, width * 3 // 4)
    assert reduced.shape == (144 // factor, 192 // factor, 3)
    whole = scale(decode(jpeg, 192, 144), width, width * 3 // 4)
    assert np.abs(scale(reduced, width, width * 3 // 4).astype(int) - whole).mean() < 2


@pytest.mark.parametrize("extension", [".png", ".webp"])
def test_a_query_picture_may_be_png_or_webp_but_a_frame_may_not(extension: str) -> None:
    picture = bytes(cv2.imencode(extension, smooth(64, 48)[:, :, ::-1])[1])
    assert decode(picture, 32, 32, accept=QUERY_FORMATS).shape == (48, 64, 3)
    with pytest.raises(InvalidMessage, match="expected JPEG"):
        decode(picture, 32, 32)


def test_a_photo_that_lies_on_its_side_is_turned_as_its_exif_says() -> None:
    tiff = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 0x0112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    jpeg = encode_jpeg(smooth(64, 48))
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert decode(turned, 64, 48).shape == (64, 48, 3)


def test_a_truncated_jpeg_is_refused() -> None:
    jpeg = encode_jpeg(np.random.default_rng(0).integers(0, 256, (144, 192, 3), dtype=np.uint8))
    for part in (0.9, 0.5, 0.1):
        with pytest.raises(InvalidMessage, match=r"broken or truncated|ends inside"):
            decode(jpeg[: int(len(jpeg) * part)], 96, 96)


def test_rubbish_behind_a_jpeg_header_is_refused() -> None:
    head = encode_jpeg(smooth(64, 48))[:300]
    with pytest.raises(InvalidMessage):
        decode(head + b"\xff\xda" + bytes(500), 96, 96)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=20), st.integers(1, 6000))
@settings(max_examples=150, deadline=None)
def test_a_damaged_jpeg_gives_a_picture_or_a_refusal(damage: list[tuple[int, int]], length: int) -> None:
    broken = bytearray(JPEG)
    for at, value in damage:
        broken[at % len(broken)] = value
    try:
        pixels = decode(bytes(broken[:length]), 32, 32)
    except InvalidMessage:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


def test_grey_and_sixteen_bit_pictures_become_rgb() -> None:
    grey = bytes(cv2.imencode(".jpg", smooth(64, 48)[:, :, 0])[1])
    deep = bytes(cv2.imencode(".png", smooth(64, 48).astype(np.uint16) * 257)[1])
    for picture in (grey, deep):
        pixels = decode(picture, 64, 48, accept=QUERY_FORMATS)
        assert pixels.dtype == np.uint8
        assert pixels.shape == (48, 64, 3)


def test_a_jpeg_of_thousands_of_scans_is_refused_and_one_of_many_is_not() -> None:
    progressive = bytes(cv2.imencode(".jpg", smooth(96, 72), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1])
    assert decode(progressive, 96, 72).shape == (72, 96, 3)
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    with pytest.raises(InvalidMessage, match="at most 100 are decoded"):
        decode(progressive[:-2] + last * 5_000 + progressive[-2:], 96, 72)


def test_a_bomb_is_refused_by_its_header_alone() -> None:
    row = zlib.compress(bytes(100))
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", row), (b"IEND", b""))
    )
    with pytest.raises(InvalidMessage, match="60000 x 60000 pixels"):
        decode(b"\x89PNG\r\n\x1a\n" + chunks, 96, 96, accept=QUERY_FORMATS)


def test_squash_fills_the_input_with_the_whole_picture() -> None:
    squashed = fit(smooth(160, 90), 32, 32, "squash")
    assert squashed.shape == (32, 32, 3)
    assert squashed[0, 0, 0] < 10
    assert squashed[0, -1, 0] > 245


@pytest.mark.parametrize(("width", "height"), [(160, 90), (90, 160), (7, 300), (96, 96), (3, 5)])
def test_pad_keeps_the_shape_of_the_picture_and_adds_grey(width: int, height: int) -> None:
    padded = fit(np.zeros((height, width, 3), np.uint8), 48, 48, "pad")
    assert padded.shape == (48, 48, 3)
    inside = (padded != PADDING[0]).any(axis=2)
    rows, columns = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    assert max(rows, columns) == 48
    assert columns / rows == pytest.approx(width / height, rel=0.06) or min(rows, columns) <= 2


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(scale(stripes, 16, 16).astype(int) - 128).max() <= 1


def test_a_side_may_shrink_while_the_other_grows() -> None:
    assert scale(smooth(200, 10), 32, 32).shape == (32, 32, 3)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (512, 288), (288, 512), (100, 60)])
def test_a_thumbnail_is_a_jpeg_of_at_most_its_longest_side(width: int, height: int) -> None:
    small = read_size(thumbnail(encode_jpeg(smooth(width, height)), 320))
    assert max(small.width, small.height) == min(320, max(width, height))
    assert small.width / small.height == pytest.approx(width / height, rel=0.02)

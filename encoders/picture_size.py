"""Size of a picture from its first bytes, so that nobody decodes a bomb to learn how large it is.

Sources: ITU-T T.81 annex B (JPEG markers), RFC 2083 §4.1.1 (PNG IHDR), RFC 9649 (WebP containers).
"""

import struct
from typing import Final, Literal, NamedTuple

from schemas.errors import InvalidMessage

Format = Literal["JPEG", "PNG", "WebP"]

STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST0 to RST7, SOI."""
START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15, without DHT, JPG and DAC, which share their range."""


class PictureSize(NamedTuple):
    """Format, width and height in pixels as the header states them, before any rotation that EXIF asks for."""

    format: Format
    width: int
    height: int


def read_size(picture: bytes) -> PictureSize:
    """Return format and size of a JPEG, PNG or WebP, or raise `InvalidMessage` that says what was found instead."""
    try:
        size = _read(picture)
    except (struct.error, IndexError):
        raise InvalidMessage(f"the picture ends inside its header, after {len(picture)} bytes") from None
    if size.width < 1 or size.height < 1:
        raise InvalidMessage(f"the {size.format} has no pixels: {size.width} x {size.height}")
    return size


def _read(picture: bytes) -> PictureSize:
    if picture.startswith(b"\xff\xd8"):
        return _jpeg(picture)
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        size = PictureSize("PNG", *struct.unpack_from(">II", picture, 16))
        _check_png_chunks(picture)
        return size
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return PictureSize("WebP", *_webp(picture))
    raise InvalidMessage(f"not a picture: begins with {picture[:8]!r}, expected JPEG, PNG or WebP")


def _jpeg(picture: bytes) -> PictureSize:
    at = 2
    while True:
        if picture[at] != 0xFF:
            raise InvalidMessage(f"not a JPEG: byte {at} is 0x{picture[at]:02x} where a marker must begin")
        marker = picture[at + 1]
        if marker in START_OF_FRAME:
            height, width = struct.unpack_from(">HH", picture, at + 5)
            return PictureSize("JPEG", width, height)
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in STANDALONE:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", picture, at + 2)[0]


def _check_png_chunks(picture: bytes) -> None:
    """Raise `InvalidMessage` for a chunk that says it is longer than what is there: OpenCV makes room for it, up to 4 GiB."""
    at = 8
    while at + 8 <= len(picture):
        length, kind = struct.unpack_from(">I4s", picture, at)
        if length > len(picture) - at - 12:
            raise InvalidMessage(f"the PNG is broken or truncated: its chunk {kind!r} has {length} bytes")
        if kind == b"IEND":
            return
        at += 12 + length


def _webp(picture: bytes) -> tuple[int, int]:
    kind = picture[12:16]
    if kind == b"VP8X":
        return 1 + _uint24(picture, 24), 1 + _uint24(picture, 27)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", picture, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", picture, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise InvalidMessage(f"not a WebP: first chunk is {kind!r}")


def _uint24(picture: bytes, at: int) -> int:
    low, high = struct.unpack_from("<HB", picture, at)
    return int(low | high << 16)

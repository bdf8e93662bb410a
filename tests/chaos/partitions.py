"""Which partition a key goes to: murmur2, as every Java client and our own place it. Pure."""

from collections.abc import Iterator
from itertools import count
from typing import Final

from schemas.identity import chunk_stream
from schemas.topics import WIDE

MASK: Final = 0xFFFFFFFF
MULTIPLIER: Final = 0x5BD1E995
SEED: Final = 0x9747B28C


def partition_of(key: bytes, partitions: int = WIDE) -> int:
    """Return the partition of a key."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def sources_of(partition: int, prefix: str) -> Iterator[str]:
    """Give names of files whose first chunk goes to a partition, without end."""
    names = (f"{prefix}-{number}" for number in count(1))
    return (name for name in names if partition_of(chunk_stream(name, 1, 0).encode()) == partition)


def _murmur2(key: bytes) -> int:
    mixed = SEED ^ len(key)
    whole = len(key) - len(key) % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * MULTIPLIER & MASK
        word = (word ^ word >> 24) * MULTIPLIER & MASK
        mixed = mixed * MULTIPLIER & MASK ^ word
    if rest := key[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * MULTIPLIER & MASK
    mixed = (mixed ^ mixed >> 13) * MULTIPLIER & MASK
    return mixed ^ mixed >> 15

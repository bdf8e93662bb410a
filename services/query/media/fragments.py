"""How much of a growing fragmented MP4 is whole. FFmpeg refuses a file that ends inside a `moof`."""

import os
from pathlib import Path
from typing import Final

HEADER_BYTES: Final = 16
OPENS_A_FRAGMENT: Final = b"moof"


def whole_bytes(path: Path) -> int:
    """Return where the last box ends that is whole and not waiting for its `mdat`: what a crash has cut short is not counted."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _whole(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _whole(descriptor: int, size_bytes: int) -> int:
    place = whole = 0
    while place + 8 <= size_bytes:
        header = os.pread(descriptor, HEADER_BYTES, place)
        length = int.from_bytes(header[:4])
        if length == 1:
            length = int.from_bytes(header[8:16])
        if length < 8 or place + length > size_bytes:
            break
        place += length
        if header[4:8] != OPENS_A_FRAGMENT:
            whole = place
    return whole

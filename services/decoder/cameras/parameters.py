"""The parameter sets inside a keyframe: what a camera changes when its picture gets another size or profile. Pure."""

import re
from typing import Final

START_CODE: Final = re.compile(rb"\x00\x00\x01")
LOOKED_AT_BYTES: Final = 4_096
"""Parameter sets stand before the picture, and are small."""

H264_SETS: Final = frozenset((7, 8))
H265_SETS: Final = frozenset((32, 33, 34))


def parameter_sets(codec: str, packet: bytes) -> frozenset[bytes]:
    """Return the SPS, PPS and VPS in the head of an access unit in Annex B form; empty where it carries none."""
    head = packet[:LOOKED_AT_BYTES]
    begins = [found.end() for found in START_CODE.finditer(head)]
    ends = [begin - 3 for begin in begins[1:]]  # the last unit has no known end: it is the picture
    units = (head[begin:end].rstrip(b"\x00") for begin, end in zip(begins, ends, strict=False))
    return frozenset(unit for unit in units if unit and _is_set(codec, unit[0]))


def _is_set(codec: str, header: int) -> bool:
    return (header & 0x1F) in H264_SETS if codec == "h264" else (header >> 1 & 0x3F) in H265_SETS

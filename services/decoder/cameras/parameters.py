"""The sequence parameter set inside a keyframe: what a camera changes when its picture gets another size or profile. Pure."""

import re
from typing import Final

START_CODE: Final = re.compile(rb"\x00\x00\x01")
LOOKED_AT_BYTES: Final = 4_096
"""Parameter sets stand before the picture, and are small."""

H264_SPS: Final = 7
H265_SPS: Final = 33


def sequence_parameters(codec: str, packet: bytes) -> bytes:
    """Return the SPS in the head of an access unit in Annex B form; empty where it carries none, or lost it on the way."""
    head = packet[:LOOKED_AT_BYTES]
    begins = [found.end() for found in START_CODE.finditer(head)]
    ends = [begin - 3 for begin in begins[1:]]  # the last unit has no known end: it is the picture
    units = (head[begin:end].rstrip(b"\x00") for begin, end in zip(begins, ends, strict=False))
    return next((unit for unit in units if unit and _is_sps(codec, unit[0])), b"")


def _is_sps(codec: str, header: int) -> bool:
    return (header & 0x1F) == H264_SPS if codec == "h264" else (header >> 1 & 0x3F) == H265_SPS

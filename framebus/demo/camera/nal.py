"""NAL units of H.264 and H.265, and the parameter sets that containers keep apart. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

START_CODE: Final = re.compile(rb"\x00\x00+\x01")


@dataclass(frozen=True)
class Parameters:
    """The parameter sets of a stream, and how many bytes hold the length of a NAL unit; 0: units begin with start codes."""

    sets: tuple[bytes, ...]
    length_bytes: int


def h264_type(nal: bytes) -> int:
    """Return the type of an H.264 NAL unit."""
    return nal[0] & 0x1F


def h265_type(nal: bytes) -> int:
    """Return the type of an H.265 NAL unit."""
    return nal[0] >> 1 & 0x3F


def nal_units(packet: bytes, length_bytes: int) -> list[bytes]:
    """Return the NAL units of an access unit."""
    if length_bytes == 0:
        return [unit for unit in START_CODE.split(packet) if unit]
    return list(_prefixed(packet, length_bytes))


def h264_parameters(extradata: bytes) -> Parameters:
    """Read SPS and PPS from an avcC record (ISO/IEC 14496-15) or from units with start codes."""
    if extradata[0] != 1:
        return _with_start_codes(extradata, h264_type, (7, 8))
    sets: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        count, at = extradata[at] & mask, at + 1
        for unit in _counted(extradata, at, count):
            sets.append(unit)
            at += 2 + len(unit)
    return Parameters(tuple(sets), (extradata[4] & 3) + 1)


def h265_parameters(extradata: bytes) -> Parameters:
    """Read VPS, SPS and PPS from an hvcC record (ISO/IEC 14496-15) or from units with start codes."""
    if extradata[0] != 1:
        return _with_start_codes(extradata, h265_type, (32, 33, 34))
    sets: list[bytes] = []
    at = 23
    for _ in range(extradata[22]):
        count, at = int.from_bytes(extradata[at + 1 : at + 3]), at + 3
        for unit in _counted(extradata, at, count):
            sets.append(unit)
            at += 2 + len(unit)
    return Parameters(tuple(unit for unit in sets if h265_type(unit) in (32, 33, 34)), (extradata[21] & 3) + 1)


def _with_start_codes(extradata: bytes, type_of: Callable[[bytes], int], types: Sequence[int]) -> Parameters:
    return Parameters(tuple(unit for unit in nal_units(extradata, 0) if type_of(unit) in types), 0)


def _prefixed(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + length_bytes <= len(packet):
        end = at + length_bytes + int.from_bytes(packet[at : at + length_bytes])
        yield packet[at + length_bytes : end]
        at = end


def _counted(record: bytes, at: int, count: int) -> Iterator[bytes]:
    for _ in range(count):
        end = at + 2 + int.from_bytes(record[at : at + 2])
        yield record[at + 2 : end]
        at = end

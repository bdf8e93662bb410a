"""RTP: what goes into packets (RFC 6184, 7798, 3640), and packets that are made once and stamped when they are sent. Pure."""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

PAYLOAD_BYTES: Final = 1400
FRAMING_BYTES: Final = 4
HEADER_BYTES: Final = 12
FRAMED_HEADER: Final = struct.Struct(">cBHBBHII")
STAMP: Final = struct.Struct(">HII")


@dataclass(frozen=True, slots=True)
class Packets:
    """RTP packets of one unit, each framed for interleaving (RFC 2326 §10.12), one behind the other; `starts` of the frames."""

    framed: bytes | bytearray
    starts: tuple[int, ...]

    @property
    def payload_bytes(self) -> int:
        """Return the size of what the packets carry."""
        return len(self.framed) - len(self.starts) * (FRAMING_BYTES + HEADER_BYTES)

    def first(self) -> tuple[int, int]:
        """Return the sequence number and the timestamp of the first packet."""
        sequence, timestamp, _ = STAMP.unpack_from(self.framed, FRAMING_BYTES + 2)
        return sequence, timestamp

    def datagrams(self) -> Iterator[memoryview]:
        """Yield the packets without their framing."""
        view = memoryview(self.framed)
        for start, end in self._spans():
            yield view[start + FRAMING_BYTES : end]

    def stamped(self, sequence: int, timestamp: int, ssrc: int) -> "Packets":
        """Return the packets with what only the moment of sending knows; the first gets `sequence`."""
        framed = bytearray(self.framed)
        for number, start in enumerate(self.starts):
            STAMP.pack_into(framed, start + FRAMING_BYTES + 2, sequence + number & 0xFFFF, timestamp, ssrc)
        return Packets(framed, self.starts)

    def on_channel(self, channel: int) -> "Packets":
        """Return the packets framed for another interleaved channel."""
        framed = bytearray(self.framed)
        for start in self.starts:
            framed[start + 1] = channel
        return Packets(framed, self.starts)

    def with_noise(self, noise: Callable[[int], bytes]) -> "Packets":
        """Return packets of the same size that carry what `noise` returns."""
        framed = bytearray(self.framed)
        for start, end in self._spans():
            framed[start + FRAMING_BYTES + HEADER_BYTES : end] = noise(end - start - FRAMING_BYTES - HEADER_BYTES)
        return Packets(framed, self.starts)

    def _spans(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts, (*self.starts[1:], len(self.framed)), strict=True)


def packets(payloads: Iterable[bytes], payload_type: int, channel: int) -> Packets:
    """Make the packets of one unit; the last one has the marker that ends an access unit."""
    known = list(payloads)
    framed, starts = bytearray(), []
    for number, payload in enumerate(known):
        marker = 0x80 if number == len(known) - 1 else 0
        starts.append(len(framed))
        framed += FRAMED_HEADER.pack(b"$", channel, HEADER_BYTES + len(payload), 0x80, marker | payload_type, 0, 0, 0)
        framed += payload
    return Packets(bytes(framed), tuple(starts))


def h264_payloads(nal: bytes) -> Iterator[bytes]:
    """Yield an H.264 NAL unit whole, or as FU-A fragments (RFC 6184 §5.8)."""
    if len(nal) <= PAYLOAD_BYTES:
        yield nal
        return
    indicator = nal[0] & 0xE0 | 28
    for fragment, ends in _fragments(nal[1:], PAYLOAD_BYTES - 2):
        yield bytes((indicator, nal[0] & 0x1F | ends)) + fragment


def h265_payloads(nal: bytes) -> Iterator[bytes]:
    """Yield an H.265 NAL unit whole, or as fragmentation units (RFC 7798 §4.4.3)."""
    if len(nal) <= PAYLOAD_BYTES:
        yield nal
        return
    header = bytes((nal[0] & 0x81 | 49 << 1, nal[1]))
    for fragment, ends in _fragments(nal[2:], PAYLOAD_BYTES - 3):
        yield header + bytes((nal[0] >> 1 & 0x3F | ends,)) + fragment


def aac_payload(frame: bytes) -> bytes:
    """Return an AAC frame in the high-bit-rate mode, one frame in a packet (RFC 3640 §3.3.6)."""
    return struct.pack(">HH", 16, len(frame) << 3) + frame


def _fragments(body: bytes, size: int) -> Iterator[tuple[bytes, int]]:
    for at in range(0, len(body), size):
        yield body[at : at + size], (0x80 if at == 0 else 0) | (0x40 if at + size >= len(body) else 0)

"""RTCP sender reports (RFC 3550 §6.4.1), with the CNAME that every compound packet must have. Pure."""

import struct
from typing import Final

NTP_EPOCH_SECONDS: Final = 2_208_988_800
CNAME: Final = b"camera"


def sender_report(ssrc: int, wall_seconds: float, timestamp: int, sent_packets: int, sent_bytes: int) -> bytes:
    """Return the report that `timestamp` of the RTP clock is `wall_seconds` of the Unix clock."""
    whole, fraction = divmod(wall_seconds, 1)
    ntp = (int(whole) + NTP_EPOCH_SECONDS & 0xFFFFFFFF, int(fraction * (1 << 32)))
    counts = (sent_packets & 0xFFFFFFFF, sent_bytes & 0xFFFFFFFF)
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, ssrc, *ntp, timestamp, *counts) + _source_description(ssrc)


def _source_description(ssrc: int) -> bytes:
    item = bytes((1, len(CNAME))) + CNAME
    chunk = item + bytes(4 - len(item) % 4)
    return struct.pack(">BBHI", 0x81, 202, 1 + len(chunk) // 4, ssrc) + chunk

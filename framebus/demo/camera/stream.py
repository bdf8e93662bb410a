"""One RTP stream of a mount: its SSRC, its sequence numbers and its clock, which begin anywhere (RFC 3550 §5.1)."""

import secrets

from framebus.demo.camera.rtcp import sender_report
from framebus.demo.camera.rtp import Packets


class RtpStream:
    """Stamps packets and writes reports; seconds are on the clock of the mount."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._ssrc = secrets.randbits(32)
        self._clock_begins = secrets.randbits(32)
        # Far from where it wraps: a receiver that joins there may take the stream for a broken one.
        self._sequence = secrets.randbits(15)
        self._packets = self._bytes = 0

    def timestamp(self, seconds: float) -> int:
        """Return a moment on the stream's own clock."""
        return self._clock_begins + round(seconds * self._clock_rate) & 0xFFFFFFFF

    def stamp(self, packets: Packets, pts_seconds: float) -> Packets:
        """Return the packets as they are sent."""
        stamped = packets.stamped(self._sequence, self.timestamp(pts_seconds), self._ssrc)
        self._sequence = self._sequence + len(packets.starts) & 0xFFFF
        self._packets += len(packets.starts)
        self._bytes += packets.payload_bytes
        return stamped

    def report(self, now_seconds: float, wall_seconds: float) -> bytes:
        """Return a sender report: `now_seconds` is `wall_seconds` of the Unix clock."""
        return sender_report(self._ssrc, wall_seconds, self.timestamp(now_seconds), self._packets, self._bytes)

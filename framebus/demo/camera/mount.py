"""One camera: a source on a clock that never breaks, sent to all who watch."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Literal

from framebus.demo.camera.faults import Faults
from framebus.demo.camera.rtp import Packets
from framebus.demo.camera.stream import RtpStream
from framebus.demo.camera.track import Source, Track, Unit
from framebus.demo.camera.viewer import Viewer

Begin = Literal["last keyframe", "next keyframe"]


class Mount:
    """A camera. Its `faults` may be changed from any thread; everything else belongs to the server's loop.

    `ahead_seconds`: how far its source has come when it begins, so that many mounts of one file are not in step.
    """

    def __init__(
        self,
        source: Source,
        *,
        login: tuple[str, str] | None = None,
        begin: Begin = "last keyframe",
        ahead_seconds: float = 0.0,
    ) -> None:
        self.faults = Faults()
        self.login = login
        self.plays = 0
        """How many sessions have begun to play since the server started."""
        self._begin = begin
        self._ahead_seconds = ahead_seconds
        self._began_seconds = time.monotonic()
        self._viewers: set[Viewer] = set()
        self._rates: list[int] = []
        self._streams: list[RtpStream] = []
        self._gop: list[tuple[int, Packets]] = []
        self._unsent: list[tuple[Unit, float]] = []
        self._show(source, 0.0)

    @property
    def tracks(self) -> Sequence[Track]:
        """What the camera sends now."""
        return self._source.tracks

    @property
    def viewers(self) -> int:
        """How many sessions play."""
        return len(self._viewers)

    async def run(self) -> None:
        """Start the clock, and send every unit when it is due, for ever."""
        self._began_seconds = time.monotonic() - self._ahead_seconds
        while True:
            await asyncio.sleep(max(0.0, self._playback.due_seconds - self._now()))
            now_seconds = self._now()
            if self._playback.due_seconds <= now_seconds:
                self._take(*self._playback.take(now_seconds))

    def join(self, viewer: Viewer) -> None:
        """Let a viewer watch; it begins at once, or with the next keyframe."""
        self.plays += 1
        self._viewers.add(viewer)
        if not self.faults.stalled and self._begin == "last keyframe":
            self._let_begin(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go, whether it plays or not."""
        self._viewers.discard(viewer)

    def first_packets(self) -> dict[int, tuple[int, int]]:
        """Return by track the sequence number and timestamp with which a viewer that joins now begins, where that is known."""
        found: dict[int, tuple[int, int]] = {}
        if self.faults.stalled or self._begin == "next keyframe":
            return found
        for track, packets in self._gop:
            found.setdefault(track, packets.first())
        return found

    def switch(self, source: Source) -> None:
        """Show another source from now on; the clock and, where tracks are alike, the streams go on."""
        self._show(source, self._now())

    def restart(self) -> None:
        """Begin new RTP streams, as a camera does that was off."""
        self._streams = [RtpStream(rate) for rate in self._rates]
        self._gop.clear()
        self._unsent.clear()

    def _show(self, source: Source, from_seconds: float) -> None:
        rates = [track.clock_rate for track in source.tracks]
        self._source = source
        self._playback = source.playback(from_seconds)
        if rates != self._rates:
            self._rates = rates
            self.restart()

    def _now(self) -> float:
        return time.monotonic() - self._began_seconds

    def _take(self, unit: Unit, pts_seconds: float) -> None:
        if unit.entry:
            self._gop.clear()
            self._unsent.clear()
        self._unsent.append((unit, pts_seconds))
        if not self.faults.stalled:
            self._send_unsent()

    def _send_unsent(self) -> None:
        """Send what is due; after a stall that is the rest of the current GOP, or all of it, so that it can be decoded."""
        for unit, pts_seconds in self._unsent:
            shown_seconds = pts_seconds + self.faults.timestamp_jump_seconds
            packets = self._streams[unit.track].stamp(unit.packets, shown_seconds)
            if self.faults.garbage == "media":
                packets = packets.with_noise(os.urandom)
            self._gop.append((unit.track, packets))
            for viewer in self._viewers:
                self._send(viewer, unit, packets)
        self._unsent.clear()

    def _send(self, viewer: Viewer, unit: Unit, packets: Packets) -> None:
        if viewer.begun:
            self._report(viewer)
            viewer.send(unit.track, packets, self.faults)
        elif unit.entry or self._begin == "last keyframe":
            self._let_begin(viewer)

    def _let_begin(self, viewer: Viewer) -> None:
        """Send the current GOP at once: a viewer sees a picture without waiting for a keyframe."""
        if not self._gop:
            return
        viewer.begun = True
        viewer.next_report_seconds = self._now() + self.faults.first_report_after_seconds
        self._report(viewer)
        for track, packets in self._gop:
            viewer.send(track, packets, self.faults)

    def _report(self, viewer: Viewer) -> None:
        every_seconds = self.faults.report_every_seconds
        now_seconds = self._now()
        if every_seconds is None or now_seconds < viewer.next_report_seconds:
            return
        viewer.next_report_seconds = now_seconds + every_seconds
        wall_seconds = time.time() + self.faults.clock_skew_seconds
        for track, delivery in viewer.deliveries.items():
            delivery.report(self._streams[track].report(now_seconds + self.faults.timestamp_jump_seconds, wall_seconds))

"""Faults that fall on processes, and on the way to Milvus and the disk of the media."""

import signal
import time
from collections.abc import Callable
from typing import Final

from tests.chaos.faults import Fault
from tests.chaos.fleet import Fleet, Ground
from tests.chaos.gaps import MEDIA
from tests.chaos.ordeal import Steps
from tests.chaos.processes import GRACE_SECONDS, Process, now_ms
from tests.chaos.returns import Absence

SLOW_SECONDS: Final = 0.25
AGAIN_SECONDS: Final = 0.2


class ProcessFaults:
    """What befalls the processes of a fleet, never two faults on one at a time.

    Attributes:
        complaints: what did not leave as it should.
        away: when which service had a process that a fault was on, or the disk of the media was full.
    """

    def __init__(self, fleet: Fleet, ground: Ground, tell: Callable[[str], None]) -> None:
        self.complaints: list[str] = []
        self.away: list[Absence] = []
        self._fleet, self._ground, self._tell = fleet, ground, tell
        self._is_hampered = False

    def begin(self, fault: Fault) -> Steps | None:
        """Return a fault's steps, None while there is nobody whom it could fall on."""
        if fault.kind in ("slow", "refuse", "full"):
            return None if self._is_hampered else self._hamper(fault)
        if fault.kind == "join":
            return self._visit(fault)
        there = [process for process in self._fleet.processes if process.service == fault.target]
        able = [process for process in there if process.can_take(fault.kind)]
        if not able:
            return None
        victim = min(able, key=lambda process: process.faults)
        victim.busy, victim.faults = True, victim.faults + 1
        return self._on(victim, fault)

    def _on(self, process: Process, fault: Fault) -> Steps:
        since_ms = now_ms()
        if fault.kind == "freeze":
            process.signal(signal.SIGSTOP)
            yield fault.lasts_seconds
            process.signal(signal.SIGCONT)
        else:
            yield from self._leave(process) if fault.kind == "leave" else _kill(process)
            yield fault.lasts_seconds
            process.start()
            began = time.monotonic()
            while not process.is_back():
                yield AGAIN_SECONDS
            self._tell(f"{process.name} is back, {time.monotonic() - began:.1f} s after it was started")
        self.away.append(Absence(process.service, since_ms, now_ms()))
        process.busy = False

    def _visit(self, fault: Fault) -> Steps:
        since_ms = now_ms()
        process = self._fleet.join(fault.target)
        process.busy = True
        yield fault.lasts_seconds
        yield from self._leave(process)
        self._fleet.workers.remove(process)
        self.away.append(Absence(process.service, since_ms, now_ms()))

    def _leave(self, process: Process) -> Steps:
        """Let a process go in order; it must be gone, and say that all is well, in its grace period."""
        while process.child.is_running() and not process.listens():
            yield AGAIN_SECONDS
        process.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while process.child.is_running():
            if time.monotonic() > deadline:
                process.kill()
            yield AGAIN_SECONDS
        if status := process.child.exit_status():
            self.complaints.append(f"asked to leave, {process.child.ended(status)}")

    def _hamper(self, fault: Fault) -> Steps:
        """Make the way to Milvus slow or refuse, or fill the disk: one of these at a time."""
        relay, disk = self._ground.relay, self._ground.disk
        self._is_hampered, since_ms = True, now_ms()
        if fault.kind == "slow":
            relay.delay_seconds = SLOW_SECONDS
        elif fault.kind == "refuse":
            relay.refuse()
        elif disk is not None:
            disk.fill()
        yield fault.lasts_seconds
        relay.delay_seconds = 0.0
        if fault.kind == "refuse":
            relay.accept()
        if disk is not None:
            disk.clear()
        if fault.kind == "full":
            self.away.append(Absence(MEDIA, since_ms, now_ms()))
        self._is_hampered = False


def _kill(process: Process) -> Steps:
    process.kill()
    yield from ()

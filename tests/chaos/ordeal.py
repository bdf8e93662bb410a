"""Brings faults upon a fleet when they are due, and undoes them."""

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tests.chaos.faults import Fault, Kind
from tests.chaos.fleet import Fleet, Ground
from tests.chaos.processes import GRACE_SECONDS, Process

SLOW_SECONDS: Final = 0.25
AGAIN_SECONDS: Final = 0.2

Steps = Iterator[float]
"""A fault while it lasts: each step says after how many seconds the next one is due."""


class Ordeal:
    """The faults of a run. One thread turns it; several faults may be at work at a time, never two on one process."""

    def __init__(self, fleet: Fleet, ground: Ground, faults: Sequence[Fault], tell: Callable[[str], None]) -> None:
        self.done: Counter[tuple[Kind, str]] = Counter()
        self.complaints: list[str] = []
        self._fleet, self._ground, self._tell = fleet, ground, tell
        self._coming = deque(faults)
        self._at_work: list[tuple[float, Steps]] = []
        self._next_at = self._after(time.monotonic())
        self._is_hampered = False

    @property
    def is_over(self) -> bool:
        """Whether all faults came and were undone."""
        return not self._coming and not self._at_work

    @property
    def next(self) -> Fault | None:
        """The fault that comes next."""
        return self._coming[0] if self._coming else None

    def turn(self) -> None:
        """Go on with the faults that are at work, begin the next one when it is due and its target is there."""
        now = time.monotonic()
        self._at_work = [step for begun in self._at_work for step in _advanced(begun, now)]
        self._fleet.look()
        if self._coming and now >= self._next_at and (steps := self._begun(self._coming[0])):
            fault = self._coming.popleft()
            self.done[fault.kind, fault.target] += 1
            self._tell(f"{fault.kind} {fault.target}, {fault.lasts_seconds:.1f} s")
            self._at_work += _advanced((now, steps), now)
            self._next_at = self._after(now)

    def _after(self, now: float) -> float:
        return now + (self._coming[0].after_seconds if self._coming else 0.0)

    def _begun(self, fault: Fault) -> Steps | None:
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
        process.busy = False

    def _visit(self, fault: Fault) -> Steps:
        process = self._fleet.join(fault.target)
        process.busy = True
        yield fault.lasts_seconds
        yield from self._leave(process)
        self._fleet.workers.remove(process)

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
        self._is_hampered = True
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
        self._is_hampered = False


def _kill(process: Process) -> Steps:
    process.kill()
    yield from ()


def _advanced(begun: tuple[float, Steps], now: float) -> list[tuple[float, Steps]]:
    """Take the next step of a fault if it is due; nothing is left of one that is over."""
    due, steps = begun
    if due > now:
        return [begun]
    seconds = next(steps, None)
    return [] if seconds is None else [(now + seconds, steps)]

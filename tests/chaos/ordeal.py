"""Brings faults when they are due, and undoes them."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from tests.chaos.faults import Fault, Kind

Steps = Iterator[float]
"""A fault while it lasts: each step says after how many seconds the next one is due."""


class Ordeal:
    """Faults that come one after the other; several may be at work at a time. One thread turns it.

    `begin` returns the steps of a fault, None while there is nobody whom it could fall on.
    """

    def __init__(self, faults: Sequence[Fault], begin: Callable[[Fault], Steps | None], tell: Callable[[str], None]) -> None:
        self.done: Counter[tuple[Kind, str]] = Counter()
        self._begin, self._tell = begin, tell
        self._coming = deque(faults)
        self._at_work: list[tuple[float, Steps]] = []
        self._moved_at = time.monotonic()
        self._next_at = self._after(self._moved_at)

    @property
    def is_over(self) -> bool:
        """Whether all faults came and were undone."""
        return not self._coming and not self._at_work

    def stuck(self, seconds: float) -> list[str]:
        """Return what has not happened for so long: a fault found nobody to fall on, or the last ones do not end."""
        if self.is_over or time.monotonic() - self._moved_at < seconds:
            return []
        coming = self._coming[0] if self._coming else None
        return [f"{coming.kind} {coming.target} found nobody to fall on" if coming else "a process did not come back"]

    def turn(self) -> None:
        """Go on with the faults that are at work, begin the next one when it is due and its target is there."""
        now = time.monotonic()
        self._at_work = [step for begun in self._at_work for step in _advanced(begun, now)]
        if self._coming and now >= self._next_at and (steps := self._begin(self._coming[0])):
            fault = self._coming.popleft()
            self.done[fault.kind, fault.target] += 1
            self._tell(f"{fault.kind} {fault.target}, {fault.lasts_seconds:.1f} s")
            self._at_work += _advanced((now, steps), now)
            self._moved_at, self._next_at = now, self._after(now)

    def _after(self, now: float) -> float:
        return now + (self._coming[0].after_seconds if self._coming else 0.0)


def _advanced(begun: tuple[float, Steps], now: float) -> list[tuple[float, Steps]]:
    """Take the next step of a fault if it is due; nothing is left of one that is over."""
    due, steps = begun
    if due > now:
        return [begun]
    seconds = next(steps, None)
    return [] if seconds is None else [(now + seconds, steps)]

"""Whether this process has stood still for so long that its partitions may be another's by now."""

import threading
import time
from collections.abc import Callable
from typing import Final

from streaming.logs import get_logger

BEAT_SECONDS: Final = 0.25
STILL_SECONDS: Final = 2.0
"""Shorter than any session that a broker usually allows: 3 s for tests, 6 s and more otherwise."""
HEARING_SECONDS: Final = 2.0
"""In so long a member that woke has heard that it was put out of its group: its heartbeat is overdue and goes at once."""

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where the system has such a clock; `time.monotonic` stands still then on Linux."""

log = get_logger("pulse")


def _now() -> float:
    return time.clock_gettime(_CLOCK)


class Pulse:
    """Beats on a thread of its own, and notices by the clock that it did not.

    A process that is frozen, or whose machine sleeps, notices nothing itself, and goes on in the middle of a statement. Whoever
    writes what a later owner of its partitions may have written anew asks before each write.
    """

    def __init__(self, clock: Callable[[], float] = _now) -> None:
        self._clock = clock
        self._beat_at, self._sure_at = clock(), -HEARING_SECONDS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> "Pulse":
        """Begin to beat."""
        self._thread.start()
        return self

    def beat(self) -> None:
        """Note that the process is awake."""
        now = self._clock()
        if (still_seconds := now - self._beat_at) > STILL_SECONDS:
            log.warning("stood still: waiting to hear whose the partitions are", seconds=round(still_seconds, 1))
            self._sure_at = now + HEARING_SECONDS
        self._beat_at = now

    def is_sure(self) -> bool:
        """Return whether the process is awake and was for so long that it has heard what it has lost; from any thread."""
        now = self._clock()
        return now - self._beat_at <= STILL_SECONDS and now >= self._sure_at

    def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            self.beat()

"""Work that is done now and then, on a thread of its own, without anybody waiting for it."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

Work = Callable[[], None]


class Rounds:
    """One round at a time, and the next no sooner than `every_seconds` after the last one began."""

    def __init__(self, name: str, every_seconds: float) -> None:
        self._thread, self._every_seconds = ThreadPoolExecutor(1, name), every_seconds
        self._round: Future[None] | None = None
        self._next_at = 0.0

    def follow(self, prepare: Callable[[], Work]) -> None:
        """Begin a round when it is time for one, without waiting; raises what the last one failed with.

        `prepare` is called here and then, and what it returns is done on the thread.
        """
        if time.monotonic() < self._next_at or (self._round is not None and not self._round.done()):
            return
        if self._round is not None:
            self._round.result()
        self._next_at = time.monotonic() + self._every_seconds
        self._round = self._thread.submit(prepare())

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._thread.shutdown()

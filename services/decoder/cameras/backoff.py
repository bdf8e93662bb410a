"""How long to wait before a camera is tried again, and for its answer: for ever, longer up to a bound, not all at once. Pure."""

from collections.abc import Callable
from typing import Final

FIRST_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 1.0
"""A camera that is back is seen within this, its jitter and the time of a connection; all of it must be under three seconds."""
JITTER: Final = 0.25
SHORT_PATIENCE_SECONDS: Final = 2.0
LONG_PATIENCE_SECONDS: Final = 5.0
PATIENT_EVERY: Final = 3
"""A camera that has swallowed a request answers the next one; one that is slow by nature gets a longer try in so many."""
ANSWERS_SECONDS: Final = 1.0


class Backoff:
    """`random` gives numbers in [0, 1): a hundred cameras behind one switch come back one after the other."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._seconds = FIRST_SECONDS
        self._tried = 0

    def patience_seconds(self, gop_ms: int | None) -> float:
        """Return how long this try waits for an answer, and then for a picture, which may begin a GOP later."""
        if gop_ms is None or self._tried % PATIENT_EVERY == PATIENT_EVERY - 1:
            return LONG_PATIENCE_SECONDS
        return min(LONG_PATIENCE_SECONDS, max(SHORT_PATIENCE_SECONDS, ANSWERS_SECONDS + gop_ms / 1000))

    def next_seconds(self) -> float:
        """Return how long to wait now, after a try that has failed."""
        self._tried += 1
        seconds = self._seconds
        self._seconds = min(seconds * 2, LONGEST_SECONDS)
        return seconds * (1 + JITTER * (2 * self._random() - 1))

    def reset(self) -> None:
        """Begin anew: the camera was there."""
        self._seconds, self._tried = FIRST_SECONDS, 0

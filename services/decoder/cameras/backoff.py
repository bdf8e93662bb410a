"""How long to wait before a camera is tried again: for ever, ever longer up to a bound, and not all at once. Pure."""

from collections.abc import Callable
from typing import Final

FIRST_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 1.0
"""A camera that is back is seen within this, its jitter and the time of a connection; all of it must be under three seconds."""
JITTER: Final = 0.25


class Backoff:
    """`random` gives numbers in [0, 1): a hundred cameras behind one switch come back one after the other."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._seconds = FIRST_SECONDS

    def next_seconds(self) -> float:
        """Return how long to wait now."""
        seconds = self._seconds
        self._seconds = min(seconds * 2, LONGEST_SECONDS)
        return seconds * (1 + JITTER * (2 * self._random() - 1))

    def reset(self) -> None:
        """Begin anew: the camera was there."""
        self._seconds = FIRST_SECONDS

"""A time limit that long work looks at."""

import time


class OutOfTimeError(Exception):
    """Work was given up at its limit; its text is for people."""


class Deadline:
    """A moment of the monotonic clock, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def check(self) -> None:
        """Raise `OutOfTimeError` when the moment has passed."""
        if time.monotonic() > self._at:
            raise OutOfTimeError(f"not finished within {self._seconds:g} seconds: ask for a shorter span, or again later")

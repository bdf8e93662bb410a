"""When to look again at what could not be reached: capped exponential backoff, one count per source."""

from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 1.0
LAST_SECONDS: Final = 60.0


@dataclass
class _Retry:
    wait_seconds: float
    due_at: float


class Retries:
    """Times are seconds of a clock that only goes on, passed in."""

    def __init__(self) -> None:
        self._retries: dict[str, _Retry] = {}

    def postpone(self, source_id: str, now: float) -> None:
        """Plan the next look, each time later than the time before."""
        before = self._retries.get(source_id)
        wait_seconds = FIRST_SECONDS if before is None else min(before.wait_seconds * 2, LAST_SECONDS)
        self._retries[source_id] = _Retry(wait_seconds, now + wait_seconds)

    def forget(self, source_id: str) -> None:
        """Begin anew with a source: it was reached, or nobody wants it."""
        self._retries.pop(source_id, None)

    def due(self, now: float) -> list[str]:
        """Return the sources to look at now; each is returned once for each `postpone`."""
        due = [source_id for source_id, retry in self._retries.items() if retry.due_at <= now]
        for source_id in due:
            self._retries[source_id].due_at = float("inf")
        return due

"""Who is to blame for invalid records, and how many of them are kept. Pure: time is passed in."""

from collections import OrderedDict
from typing import Final

from streaming.errors import FuseBlown

KEPT_PER_MINUTE: Final = 60
SOURCES_TRACKED: Final = 10_000
FUSE_SOURCES: Final = 8
FUSE_RECORDS: Final = 64


class Budget:
    """Which dead letters are kept: a token bucket per source, so that one source cannot fill the topic."""

    def __init__(self, per_minute: int = KEPT_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def keeps(self, source: str, now_seconds: float) -> bool:
        """Return whether one more dead letter of `source` is kept, and count it."""
        tokens, at = self._buckets.pop(source, (float(self._per_minute), now_seconds))
        tokens = min(self._per_minute, tokens + (now_seconds - at) * self._per_minute / 60)
        kept = tokens >= 1
        self._buckets[source] = (tokens - 1 if kept else tokens, now_seconds)
        if len(self._buckets) > SOURCES_TRACKED:
            self._buckets.popitem(last=False)
        return kept


class Fuse:
    """Judges us, not a sender: blows when records of many sources fail and none succeeds in between.

    It is judged where the next thing would be a commit: what goes through may come later than what fails at once.
    """

    def __init__(self, sources: int = FUSE_SOURCES, records: int = FUSE_RECORDS) -> None:
        self._sources_limit, self._records_limit = sources, records
        self._sources: set[str] = set()
        self._records = 0
        self._reason = ""

    def succeeded(self) -> None:
        """Note that something went through."""
        if self._records:
            self._sources.clear()
            self._records = 0

    def failed(self, source: str, reason: str) -> None:
        """Note an invalid record."""
        self._records += 1
        self._reason = reason
        if len(self._sources) <= self._sources_limit:
            self._sources.add(source)

    def judge(self) -> None:
        """Raise `FuseBlown` when it looks as if we are the broken ones."""
        if self._records >= self._records_limit and len(self._sources) >= self._sources_limit:
            raise FuseBlown(
                f"{self._records} records of {len(self._sources)} or more sources were refused and none went through; "
                f"the last reason: {self._reason}. Nothing was committed: mend the cause and start again"
            )

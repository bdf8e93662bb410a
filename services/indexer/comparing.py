"""Which sources have fewer rows in a new collection than in the one that is searched, and where on their timelines.

What is searched is counted before the new collection has read the log to its end: all that was counted must be in it then, and
what comes to the other one while it is sealed and compared does not count.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from schemas.limits import LARGEST_T_MS
from schemas.messages import Source
from schemas.topics import DAY_MS
from services.indexer.rows import source_no
from services.indexer.store import Store

EDGE_MS: Final = 600_000
"""What was captured so lately is on its way to both, and what expires so soon may be gone from the recording, which goes by
whole segments."""
SPANS_TOLD: Final = 100
"""Of so many sources it is looked up where their rows lie: that takes some two hundred reads each."""


@dataclass(frozen=True, slots=True)
class Searched:
    """How many rows of a source's life were searched, of those that `expression` matches."""

    source_id: str
    life: int
    expression: str
    rows: int


@dataclass(frozen=True, slots=True)
class Lack:
    """So many rows fewer, and the times between which all of them lie."""

    source_id: str
    rows: int
    span: str


class Counting:
    """Counts what is searched, a source at a time: each takes some milliseconds, and who has thousands goes on in between."""

    def __init__(self, store: Store, named: str | None, sources: Iterable[Source], default_days: float, now_ms: int) -> None:
        self._store, self._named, self._default_days, self._now_ms = store, named, default_days, now_ms
        self._waiting = deque(source for source in sources if source.wanted != "removed")
        self.searched: list[Searched] = []

    @property
    def is_complete(self) -> bool:
        """Whether all is counted, or nothing is searched."""
        return self._named is None or not self._waiting

    def go_on(self, seconds: float) -> None:
        """Count for so long; what Milvus did not answer is asked again by the next call."""
        deadline = time.monotonic() + seconds
        while not self.is_complete and time.monotonic() < deadline:
            source = self._waiting[0]
            expression = comparable(source, self._default_days, self._now_ms)
            rows = self._store.count(expression, self._named, "Bounded")
            self.searched.append(Searched(source.source_id, source.life, expression, rows))
            self._waiting.popleft()


def comparable(source: Source, default_days: float, now_ms: int) -> str:
    """Match the rows of a source that are in both collections if none is lacking: final ones, neither new nor about to expire.

    Only those of cameras expire. Nobody deletes by age in a new collection, so what is older there than it is kept for counts no
    more than what is still searched of it.
    """
    settled = f"provisional == false and captured_ms < {now_ms - EDGE_MS}"
    of_life = f'source_no == {source_no(source.source_id)} and source_id == "{source.source_id}" and life == {source.life}'
    if source.kind != "camera":
        return f"{of_life} and {settled}"
    days = default_days if source.keep_days is None else source.keep_days
    return f"{of_life} and {settled} and t_ms >= {now_ms - int(days * DAY_MS) + EDGE_MS}"


def in_force(searched: Iterable[Searched], sources: Iterable[Source]) -> tuple[Searched, ...]:
    """Leave out what was counted of lives that were over by the time that these sources were known: it is not filled any more."""
    lives = {source.source_id: source.life for source in sources if source.wanted != "removed"}
    return tuple(one for one in searched if lives.get(one.source_id) == one.life)


def lacks(store: Store, named: str, searched: Iterable[Searched]) -> Iterator[Lack]:
    """Yield each source of which the store's collection has fewer rows than were counted in the one that is `named`.

    One source's surplus makes up for no other's lack.
    """
    told = 0
    for one in searched:
        rows = one.rows - store.count(one.expression, consistency="Bounded") if one.rows else 0
        if rows > 0:  # a bounded read may miss the newest; and what was deleted since it was counted is not lacking
            rows = min(one.rows, store.count(one.expression, named)) - store.count(one.expression)
        if rows > 0:
            told += 1
            yield Lack(one.source_id, rows, _span(store, named, one) if told <= SPANS_TOLD else "not looked up")


def smallest(holds: Callable[[int], bool]) -> int:
    """Return the smallest t_ms at and after which something holds, which holds for the largest."""
    first_ms, last_ms = -LARGEST_T_MS, LARGEST_T_MS
    while first_ms < last_ms:
        middle_ms = (first_ms + last_ms) // 2
        first_ms, last_ms = (first_ms, middle_ms) if holds(middle_ms) else (middle_ms + 1, last_ms)
    return first_ms


def _span(store: Store, named: str, one: Searched) -> str:
    def fewer(between: str) -> int:
        expression = f"{one.expression} and {between}"
        return store.count(expression, named, "Bounded") - store.count(expression, consistency="Bounded")

    first_ms = smallest(lambda t_ms: fewer(f"t_ms <= {t_ms}") > 0)
    last_ms = smallest(lambda t_ms: fewer(f"t_ms > {t_ms}") <= 0)
    return f"{first_ms} ms to {last_ms} ms"

"""From segments to the list that is shown: order, how many of a source, pages. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from schemas.limits import UNKNOWN_MS

Mode = Literal["ranked", "best_moment", "chronological"]


@dataclass(frozen=True, slots=True)
class Found:
    """A segment of a source. `score`, `captured_ms` and `provisional` are those of its peak.

    `playable`: there is media to cut a clip from.
    """

    source_id: str
    life: int
    start_ms: int
    end_ms: int
    peak_ms: int
    captured_ms: int
    score: float
    provisional: bool = False
    playable: bool = True


def arrange(found: Iterable[Found], mode: Mode, per_source: int, most: int) -> list[Found]:
    """Return at most `most` hits and `per_source` of a source, best first, or those same hits in time order.

    `best_moment` keeps one hit of a source. The result does not depend on the order of `found`.
    """
    kept, count = [], Counter[str]()
    allowed = 1 if mode == "best_moment" else per_source
    for hit in sorted(found, key=_best_first):
        if count[hit.source_id] < allowed:
            count[hit.source_id] += 1
            kept.append(hit)
    return sorted(kept[:most], key=_by_time) if mode == "chronological" else kept[:most]


def _best_first(hit: Found) -> tuple[float, str, int]:
    return (-hit.score, hit.source_id, hit.start_ms)


def _by_time(hit: Found) -> tuple[bool, int, str, int]:
    """By the clock; hits whose clock time nobody knows come last, each source on its own timeline."""
    return (hit.captured_ms == UNKNOWN_MS, hit.captured_ms, hit.source_id, hit.start_ms)

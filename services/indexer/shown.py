"""Which provisional rows are in Milvus, and which of them a confirmed final row covers. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from schemas.limits import UNKNOWN_MS
from services.indexer.core.entry import RowSample
from services.indexer.rows import key_of

FRESH_MS: Final = 60_000
"""A sample captured longer ago is no news: a backlog and a rebuild write final rows alone."""
ORPHANED_MS: Final = 600_000
"""A provisional row captured longer ago is deleted, whoever wrote it. Long, for a camera that is sampled once in minutes."""


def fresh(samples: Iterable[RowSample], now_ms: int) -> list[RowSample]:
    """Return the samples whose capture is known to be less than `FRESH_MS` away from now."""
    return [sample for sample in samples if sample.captured_ms != UNKNOWN_MS and abs(now_ms - sample.captured_ms) <= FRESH_MS]


class Shown:
    """Provisional rows from their confirmation until their final rows are confirmed."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._covered: list[str] = []

    def confirmed(self, samples: Iterable[RowSample]) -> list[RowSample]:
        """Note rows that Milvus has confirmed; return those of moments that no row has shown before."""
        first = []
        for sample in samples:
            key = key_of(sample, provisional=True)
            if sample.provisional:
                self._open[key] = sample.captured_ms
                first.append(sample)
            elif self._open.pop(key, None) is None:
                first.append(sample)
            else:
                self._covered.append(key)
        return first

    def take_covered(self) -> Sequence[str]:
        """Return, once each, the keys of provisional rows that are not needed any more."""
        covered, self._covered = self._covered, []
        return covered

    def forget_orphans(self, now_ms: int) -> None:
        """Forget the rows that a sweep deletes: their partitions went to other readers."""
        self._open = {key: ms for key, ms in self._open.items() if now_ms - ms <= ORPHANED_MS}

"""Which lives are over, and whose rows are to be deleted: at once, and once more a minute later. Pure.

An upsert may still be on its way to Milvus when its sender is killed, or has given it up: it arrives after a strong read has
found nothing left. By the second time it has arrived.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from services.indexer.core.entry import RowSample

AGAIN_SECONDS: Final = 60.0


class Over:
    """Lives by source. `now` is a time of `time.monotonic`."""

    def __init__(self) -> None:
        self._over: dict[str, int] = {}
        self._to_delete: dict[str, int] = {}
        self._again: deque[tuple[float, dict[str, int]]] = deque()

    def note(self, over: Mapping[str, int], now: float) -> None:
        """Take the last life of each of these sources that is over."""
        new = {source_id: life for source_id, life in over.items() if self._over.get(source_id, 0) < life}
        if new:
            self._over |= new
            self._to_delete |= new
            self._again.append((now + AGAIN_SECONDS, new))

    def covers(self, sample: RowSample) -> bool:
        """Whether a sample's life is over."""
        return sample.life <= self._over.get(sample.source_id, 0)

    def to_delete(self, now: float) -> dict[str, int]:
        """Return the sources whose rows up to a life are to be deleted now."""
        while self._again and self._again[0][0] <= now:
            again = self._again.popleft()[1]
            self._to_delete |= {source_id: self._over[source_id] for source_id in again}
        return dict(self._to_delete)

    def deleted(self, through: Mapping[str, int]) -> None:
        """Note that nothing was left of these; a life that has ended meanwhile stays to be deleted."""
        for source_id, life in through.items():
            if self._to_delete.get(source_id) == life:
                del self._to_delete[source_id]

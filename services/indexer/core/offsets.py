"""The smallest offset that is still needed, kept cheap for thousands of open runs."""

from collections import deque

from services.indexer.core.heap import RunHeap
from services.indexer.core.run import Run


class HeldOffsets:
    """Which records of a partition are held back from the commit.

    A run's `needed` only grows, so the heap is put in order lazily: only what has reached the top is looked at.
    """

    def __init__(self) -> None:
        self._runs = RunHeap()
        self._dropped: deque[tuple[int, int]] = deque()
        self._lowest = 0

    def hold(self, run: Run) -> None:
        """Watch a run until it is released."""
        self._runs.push(run.needed, run)

    def dropped(self, after: int, offset: int) -> None:
        """Note that the record at `offset` was dropped, the last one of its stream that was taken being at `after`.

        Nobody may begin in between: a reader that saw the dropped record first would take it. Where a commit may already have
        passed `after`, nothing can be held any more.
        """
        if after < self._lowest:
            return
        while self._dropped and self._dropped[-1][1] > after:
            after = min(after, self._dropped.pop()[0])
        self._dropped.append((after, offset))

    def let_go_given_up(self, before_ms: int) -> None:
        """Hold nothing more for chunks that have shown nothing since this Kafka timestamp.

        One that goes on all the same is whole for this reader. For a later one it lacks its beginning, and is asked for again.
        """
        while (oldest := self.oldest()) is not None and oldest.needed_whole and oldest.last_timestamp_ms < before_ms:
            self._runs.pop()

    def lowest(self, otherwise: int) -> int:
        """Return the smallest offset that is needed, `otherwise` when none is."""
        oldest = self.oldest()
        lowest = otherwise if oldest is None else min(otherwise, oldest.needed)
        while self._dropped and self._dropped[0][1] < lowest:
            self._dropped.popleft()
        if self._dropped:
            lowest = min(lowest, self._dropped[0][0])
        self._lowest = lowest
        return lowest

    def oldest(self) -> Run | None:
        """Return the run that holds the smallest offset."""
        while (first := self._runs.first()) is not None:
            needed, run = first
            if run.needed == needed:
                return run
            self._runs.move(run.needed)
        return None

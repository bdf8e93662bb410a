"""Open runs in the order of a number; those that were released leave on their own."""

import heapq
from itertools import count
from typing import Final

from services.indexer.core.run import Run

FEW: Final = 64


class RunHeap:
    """A priority queue that holds no more than twice the runs that are not released, and a few."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Run]] = []
        self._serial = count()
        self._many = FEW

    def push(self, number: int, run: Run) -> None:
        """Add a run."""
        if len(self._heap) >= self._many:
            self._heap = [one for one in self._heap if not one[2].released]
            heapq.heapify(self._heap)
            self._many = 2 * len(self._heap) + FEW
        heapq.heappush(self._heap, (number, next(self._serial), run))

    def first(self) -> tuple[int, Run] | None:
        """Return the run with the smallest number; None when there is none."""
        while self._heap and self._heap[0][2].released:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        number, _, run = self._heap[0]
        return number, run

    def pop(self) -> None:
        """Remove the first one."""
        heapq.heappop(self._heap)

    def move(self, number: int) -> None:
        """Give the first one another number."""
        heapq.heapreplace(self._heap, (number, *self._heap[0][1:]))

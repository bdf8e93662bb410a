"""Which chunks are dealt next, and where to: sources take turns, and so do the partitions of `chunks`."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

STRIDE: Final = 7
"""From one partition to the next. A worker holds neighbouring partitions, so a few chunks dealt side by side would all be one's.
It shares no factor with the number of partitions, so all of them have their turn."""


@dataclass(frozen=True, slots=True)
class Deal:
    """One planned chunk for one partition of `chunks`."""

    source_id: str
    index: int
    partition: int


class Dealer:
    """Keeps at most `ahead` chunks dealt and not yet done, over all its sources; the first goes to partition `first`."""

    def __init__(self, ahead: int, partitions: int, first: int = 0) -> None:
        self._ahead, self._partitions = ahead, partitions
        self._waiting: dict[str, deque[int]] = {}  # its order is the order of turns
        self._dealt: dict[str, set[int]] = {}
        self._partition = first

    @property
    def outstanding(self) -> int:
        """Chunks dealt and not done."""
        return sum(map(len, self._dealt.values()))

    def add(self, source_id: str, indexes: Iterable[int]) -> None:
        """Deal these chunks of a source, whatever was dealt of it before."""
        self.drop(source_id)
        if waiting := deque(indexes):
            self._waiting[source_id] = waiting

    def drop(self, source_id: str) -> None:
        """Forget a source: paused, failed, removed or given to another owner."""
        self._waiting.pop(source_id, None)
        self._dealt.pop(source_id, None)

    def done(self, source_id: str, index: int) -> None:
        """Take a chunk out of what is waited for."""
        self._dealt.get(source_id, set()).discard(index)
        waiting = self._waiting.get(source_id, deque())
        if index in waiting:
            waiting.remove(index)
            if not waiting:
                del self._waiting[source_id]

    def deal(self) -> Iterator[Deal]:
        """Yield what is dealt now."""
        room = self._ahead - self.outstanding
        while self._waiting and room > 0:
            source_id = next(iter(self._waiting))
            waiting = self._waiting.pop(source_id)
            index = waiting.popleft()
            if waiting:
                self._waiting[source_id] = waiting
            self._dealt.setdefault(source_id, set()).add(index)
            room -= 1
            yield Deal(source_id, index, self._partition)
            self._partition = (self._partition + STRIDE) % self._partitions

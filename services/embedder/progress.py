"""How far each partition is: pure bookkeeping of offsets."""

from collections import deque
from dataclasses import dataclass, field

from streaming.records import Partition


@dataclass
class _Place:
    next_offset: int
    unfinished: deque[int] = field(default_factory=deque)


class Progress:
    """Offsets of records whose embedding is still to be sent; a commit never passes the oldest of them."""

    def __init__(self) -> None:
        self._places: dict[Partition, _Place] = {}

    def begin(self, partition: Partition, start: int) -> None:
        """Begin `partition` at offset `start`, with nothing unfinished."""
        self._places[partition] = _Place(start)

    def forget(self, partition: Partition) -> None:
        """Forget `partition`."""
        self._places.pop(partition, None)

    def pass_by(self, partition: Partition, offset: int) -> None:
        """Note a record that needs no output: rejected or dropped."""
        self._places[partition].next_offset = offset + 1

    def take(self, partition: Partition, offset: int) -> None:
        """Note a record whose output is still to be sent."""
        self._places[partition].unfinished.append(offset)
        self.pass_by(partition, offset)

    def finish(self, partition: Partition, offset: int) -> None:
        """Note that the oldest unfinished record of `partition`, at `offset`, is done."""
        oldest = self._places[partition].unfinished.popleft()
        if oldest != offset:
            raise ValueError(f"{partition}: offset {offset} finished before {oldest}")

    def safe_offset(self, partition: Partition) -> int:
        """Return the oldest unfinished offset, or the next one to read when nothing is unfinished."""
        place = self._places[partition]
        return place.unfinished[0] if place.unfinished else place.next_offset

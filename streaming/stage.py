"""What a service does with records; `streaming.loop` decides when."""

from collections.abc import Collection, Sequence
from typing import Protocol

from streaming.records import Partition, Record


class Stage(Protocol):
    """The work between reading and committing. All of it is called from one thread.

    State belongs to a partition and lives from `assigned` to `revoked`, so none can survive a rebalance by accident.
    """

    def assigned(self, partition: Partition, start: int, *, resumed: bool) -> None:
        """Begin `partition` at offset `start` with empty state.

        `resumed`: `start` is this group's own commit. False: there is none, or the log begins beyond it.
        """

    def revoked(self, partition: Partition) -> None:
        """Forget everything of `partition`."""

    def wants(self) -> Collection[str]:
        """Return the topics to read from now. The others are paused: this is the backpressure valve."""

    def process(self, records: Sequence[Record]) -> None:
        """Take records: check, decode, buffer, compute. What can never be processed goes to `Outbox.reject`."""

    def step(self) -> bool:
        """Advance held work by at most a quarter of a second; True when there is more to do at once.

        May raise `Unavailable` and is then called again.
        """

    def settle(self) -> None:
        """Make durable what `safe_offset` is about to cover, then send what announces it.

        May raise `Unavailable` and is then called again before anything is committed.
        """

    def safe_offset(self, partition: Partition) -> int:
        """Return the next offset to commit: the oldest record that an unfinished output still needs."""

    def processed_offset(self, partition: Partition) -> int:
        """Return one past the last record processed: lag and backpressure are counted from it."""

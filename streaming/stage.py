"""What a service does with records; `streaming.loop` decides when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from streaming.records import Partition, Record


@dataclass(frozen=True, slots=True)
class Start:
    """Where the reading of a partition begins.

    `resumed`: this group has read all that lies before it. False: it has never committed, or records left the log unread.
    `note`: what the group's commit says of what lies before it. `cut`: the commit is not in the log, nor is what it held.
    `processed`: one past the last record processed, as the commit says; None where it does not, or the log has lost its end.
    `begun`: offsets of records that begin something, by who read them first.
    """

    partition: Partition
    offset: int
    resumed: bool = False
    note: str = ""
    cut: bool = False
    processed: int | None = None
    begun: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a partition is, as it is committed.

    Attributes:
        safe_offset: the next to read, the oldest record that an unfinished output still needs.
        processed_offset: one past the last record processed, by whomever: lag and backpressure are counted from it.
        note: what whoever begins at `safe_offset` has to know of what lies before it.
        begun: offsets from there on of records that begin something, which they do not show by themselves.
    """

    safe_offset: int
    processed_offset: int
    note: str = ""
    begun: tuple[int, ...] = ()


class Stage(Protocol):
    """The work between reading and committing. All of it is called from one thread.

    State belongs to a partition and lives from `assigned` to `revoked` or `lost`, so none can survive a rebalance by accident.
    """

    def assigned(self, start: Start) -> None:
        """Begin a partition with empty state."""

    def revoked(self, partition: Partition) -> None:
        """Forget everything of `partition`: its next owner waits for this."""

    def lost(self, partition: Partition) -> None:
        """Forget everything of `partition`, which may be another's already: the group has put this member out."""

    def wants(self) -> Collection[str]:
        """Return the topics to read from now. The others are paused: this is the backpressure valve."""

    def process(self, records: Sequence[Record]) -> None:
        """Take records: check, decode, buffer, compute. What can never be processed goes to `Outbox.reject`."""

    def step(self) -> bool:
        """Advance held work by at most a quarter of a second; True when there is more to do at once.

        May raise `Unavailable` and is then called again.
        """

    def settle(self) -> None:
        """Make durable what `reached` is about to cover, then send what announces it.

        May raise `Unavailable` and is then called again before anything is committed.
        """

    def reached(self, partition: Partition) -> Reached:
        """Return what may be committed of a partition."""

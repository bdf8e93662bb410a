"""The decoder as one stage: records go to the part whose topic they are of."""

from collections.abc import Collection, Sequence

from schemas.topics import CHUNKS, SOURCES
from services.decoder.chunk_work import ChunkWork
from services.decoder.ownership import Ownership
from streaming.records import Partition, Record
from streaming.stage import Reached, Start


class Decoder:
    """Ownership and chunk work under one loop."""

    def __init__(self, ownership: Ownership, work: ChunkWork) -> None:
        self._parts: dict[str, Ownership | ChunkWork] = {SOURCES.name: ownership, CHUNKS.name: work}

    def assigned(self, start: Start) -> None:
        """Begin a partition in its part."""
        self._parts[start.partition.topic].assigned(start)

    def revoked(self, partition: Partition) -> None:
        """Forget `partition` in its part."""
        self._parts[partition.topic].revoked(partition)

    def lost(self, partition: Partition) -> None:
        """Forget `partition` in its part, which may be another's already."""
        self._parts[partition.topic].lost(partition)

    def wants(self) -> Collection[str]:
        """Return what any part wants to read."""
        return frozenset(topic for part in self._parts.values() for topic in part.wants())

    def process(self, records: Sequence[Record]) -> None:
        """Hand the records to their parts."""
        for topic, part in self._parts.items():
            part.process([record for record in records if record.partition.topic == topic])

    def step(self) -> bool:
        """Advance every part; planning comes first, since it never waits."""
        more = [part.step() for part in self._parts.values()]
        return any(more)

    def settle(self) -> None:
        """Nothing but Kafka's acknowledgement makes plans and frames durable."""

    def reached(self, partition: Partition) -> Reached:
        """Ask the part of `partition`."""
        return self._parts[partition.topic].reached(partition)

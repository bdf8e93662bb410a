"""What the live lane says of a commit that is not in the log, while no record comes that would show it. Without a server."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from schemas.messages import Recut
from schemas.topics import EMBEDDINGS_LIVE
from services.indexer.live import LiveLane
from services.indexer.metrics import METRICS
from services.indexer.seeking import Found
from streaming.metrics import LOST, Metrics
from streaming.records import Partition, Record
from streaming.stage import Reached, Start

PLACE = TP(EMBEDDINGS_LIVE.name, 3)
OTHER = TP(EMBEDDINGS_LIVE.name, 4)


class Reading:
    """A stage that reads, and holds nothing."""

    def __init__(self) -> None:
        self.starts: list[Start] = []
        self.next: dict[Partition, int] = {}

    def assigned(self, start: Start) -> None:
        self.starts.append(start)
        self.next[start.partition] = start.offset

    def revoked(self, partition: Partition) -> None:
        del self.next[partition]

    def process(self, records: Sequence[Record]) -> None:
        for record in records:
            self.next[record.partition] = record.offset + 1

    def follow(self) -> None:
        pass

    settle = follow

    def step(self) -> bool:
        return False

    def reached(self, partition: Partition) -> Reached:
        return Reached(self.next[partition], self.next[partition])


class Sent:
    """An outbox that keeps what is asked for again."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int, int]] = []

    def give_up(self) -> bool:
        return False

    def send_message(self, topic: str, message: Recut, *, key: str) -> None:
        assert (topic, key) == ("recut", f"{message.topic}/{message.partition}")
        self.spans.append((message.partition, message.first_offset, message.last_offset))

    def flush(self) -> None:
        pass


class Bench:
    """A lane whose partitions were sought, and to which Faust gives nothing."""

    def __init__(self, found: dict[TP, Found]) -> None:
        self.consumer = SimpleNamespace(generation=1, found=found, processed={}, notes={}, highwater=lambda _: None)
        signal = SimpleNamespace(connect=lambda _: None)
        app = SimpleNamespace(
            crashed=False,
            consumer=self.consumer,
            topic=lambda *_, **__: None,
            agent=lambda *_, **__: lambda read: read,
            on_partitions_revoked=signal,
            on_partitions_assigned=signal,
        )
        self.stage, self.sent, self.metrics = Reading(), Sent(), Metrics(METRICS)
        self.log = SimpleNamespace(metadata=lambda _, offset: f"processed={offset} a note")
        parts = (app, self.stage, self.sent, self.metrics, self.log, None)
        self.lane = LiveLane(*cast("tuple[Any, Any, Any, Any, Any, None]", parts))

    def lost(self) -> int:
        return int(self.metrics.of(LOST).labels(PLACE.topic)._value.get())


@pytest.mark.parametrize(
    ("found", "asked", "lost"),
    [(Found(100, 500, 500), (3, 100, 499), 400), (Found(504, 7, 500), (3, 500, 503), 4)],
)
def test_what_is_not_in_the_log_is_told_once_though_the_camera_has_stopped(
    found: Found, asked: tuple[int, int, int], lost: int
) -> None:
    async def run() -> None:
        bench = Bench({PLACE: found, OTHER: Found(500, 7, 500)})
        for _ in range(3):
            await bench.lane.turn()
        (start,) = bench.stage.starts
        assert (start.partition.number, start.offset, start.note, start.cut) == (PLACE.partition, 500, "a note", True)
        assert (bench.sent.spans, bench.lost()) == ([asked], lost)
        assert bench.consumer.processed == {PLACE: 500}, "it is committed, and told no more by whoever is next"

    asyncio.run(run())


def test_what_is_in_the_log_begins_with_its_first_record() -> None:
    async def run() -> None:
        bench = Bench({PLACE: Found(100, 100, 500), OTHER: Found(None, 7, 500)})
        await bench.lane.turn()
        assert (bench.stage.starts, bench.sent.spans, bench.lost()) == ([], [], 0)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("found", "outside"),
    [
        (Found(None, 7, 9), None),
        (Found(6, 7, 9), 7),
        (Found(7, 7, 9), None),
        (Found(9, 7, 9), None),
        (Found(10, 7, 9), 9),
        (Found(5, 0, 0), 0),
        (Found(5, None, None), None),
    ],
)
def test_a_partition_begins_at_its_commit_or_as_near_to_it_as_the_log_allows(found: Found, outside: int | None) -> None:
    assert found.outside == outside


def test_partitions_that_are_taken_while_one_begins_begin_no_more() -> None:
    async def run() -> None:
        bench = Bench({PLACE: Found(100, 500, 500), OTHER: Found(100, 500, 500)})

        def taken(*_: Any) -> str:
            bench.consumer.found, bench.consumer.generation = {}, None
            return ""

        bench.log.metadata = taken
        await bench.lane._begin_outside()
        assert bench.lane._reading == {}

    asyncio.run(run())


@pytest.mark.parametrize(("highwater", "is_read_again"), [(None, False), (500, False), (499, True)])
def test_a_log_that_ends_before_what_was_read_of_it_is_read_again(highwater: int | None, is_read_again: bool) -> None:
    async def run() -> None:
        bench, again = Bench({PLACE: Found(100, 500, 500)}), []

        async def begin_again() -> None:
            again.append(1)

        await bench.lane.turn()
        bench.consumer.highwater = lambda _: highwater
        cast("Any", bench.lane)._begin_again = begin_again
        await bench.lane.turn()
        assert bool(again) == is_read_again

    asyncio.run(run())

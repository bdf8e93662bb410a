"""The live lane where records are missing in what Faust gives it, on a real broker."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.headers import RawHeaders
from schemas.topics import EMBEDDINGS_LIVE
from services.indexer.live import LiveLane, make_app
from services.indexer.metrics import METRICS, READ_AGAIN
from services.indexer.stage import IndexStage
from streaming.admin import create_topics
from streaming.handover import ends_of
from streaming.lag import Lag, Reading
from streaming.metrics import LOST, Metrics
from streaming.outbox import Outbox
from streaming.records import UNREADABLE, Partition, Record
from streaming.stage import Reached, Start
from streaming.topic_log import TopicLog
from tests.indexer.service import asked, await_that
from tests.streaming.header_names import InLatin1, write_names

NUMBER = 11
PLACE = Partition(EMBEDDINGS_LIVE.name, NUMBER)
SECONDS = 30.0


class Window:
    """A stage that has read what it keeps, and holds all of it up to where it is told."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.notes: list[str] = []
        self.read: list[int] = []
        self.headers: list[RawHeaders] = []
        self.safe = self.next = 0

    def assigned(self, start: Start) -> None:
        assert (start.partition, start.resumed) == (PLACE, True)
        self.starts.append(start.offset)
        self.notes.append(start.note)
        self.read, self.safe, self.next = [], start.offset, start.offset

    def revoked(self, partition: Partition) -> None:
        assert partition == PLACE

    lost = revoked

    def process(self, records: Sequence[Record]) -> None:
        self.read += [record.offset for record in records]
        self.headers += [record.headers for record in records]
        self.next = max((self.next, *(offset + 1 for offset in self.read)))

    def follow(self) -> None:
        pass

    settle = follow

    def step(self) -> bool:
        return False

    def reached(self, partition: Partition) -> Reached:
        assert partition == PLACE
        return Reached(self.safe, self.next, f"before {self.safe}")


class Losing(LiveLane):
    """Loses records on their way from Faust: each of `once` at the first time, those of `ever` again and again."""

    once: frozenset[int] = frozenset()
    ever: frozenset[int] = frozenset()

    async def _read(self, stream: Any) -> None:
        self._stream = stream.noack()
        async for event in self._stream.events():
            offset = event.message.offset
            if event.message.partition == NUMBER and offset in self.once | self.ever:
                self.once -= {offset}
                continue
            await self._events.put(event)
            self._arrived.set()


@dataclass
class Bench:
    """A lane that is at the end of the log, and what is written behind that."""

    kafka: str
    end: int
    group: str
    stage: Window = field(default_factory=Window)
    metrics: Metrics = field(default_factory=lambda: Metrics(METRICS))
    app: Any = None
    lane: Any = None

    def place(self, *offsets: int) -> frozenset[int]:
        """Return offsets that are counted from the end of the log as it was."""
        return frozenset(self.end + offset for offset in offsets)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Turn the lane until `condition` holds; fail when it does not in time."""
        async with asyncio.timeout(SECONDS):
            while not condition():
                await self.lane.turn()

    def has_read(self, *offsets: int) -> bool:
        """Return whether exactly these were read since the last beginning, counted from the end of the log as it was."""
        return self.stage.read == [self.end + offset for offset in offsets]

    def read_again(self) -> int:
        return int(self.metrics.of(READ_AGAIN)._value.get())


def write(bootstrap: str, records: int, compression: str = "none") -> None:
    """Write records."""
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": compression})
    for _ in range(records):
        producer.produce(PLACE.topic, b"x", partition=NUMBER)
    assert producer.flush(SECONDS) == 0


def write_in_transaction(bench: Bench, records: int) -> None:
    """Write the first records of a bench in a transaction, which takes one more place behind them for its mark."""
    producer = Producer({"bootstrap.servers": bench.kafka, "transactional.id": bench.group})
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    for _ in range(records):
        producer.produce(PLACE.topic, b"x", partition=NUMBER)
    producer.commit_transaction(SECONDS)
    await_that(lambda: ends_of(bench.kafka, [PLACE.topic])[PLACE] == bench.end + records + 1, what="the mark")


def at_the_end(bootstrap: str, group: str, beyond: int) -> int:
    """Let a group begin at the present ends of the topic, or so much beyond that of the partition; return this end."""
    create_topics(bootstrap)
    write(bootstrap, 1)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    places = [TopicPartition(PLACE.topic, number) for number in range(EMBEDDINGS_LIVE.partitions)]
    for place in places:
        place.offset = asked(partial(consumer.get_watermark_offsets, place, timeout=10))[1]
    end = int(places[NUMBER].offset)
    places[NUMBER].offset = end + beyond
    asked(lambda: consumer.commit(offsets=places, asynchronous=False))
    consumer.close()
    return end


@asynccontextmanager
async def lane_at_the_end(bootstrap: str, *, beyond: int = 0) -> AsyncIterator[Bench]:
    group = f"live-{uuid.uuid4().hex[:12]}"
    bench = Bench(bootstrap, at_the_end(bootstrap, group, beyond), group)
    bench.app = make_app(bootstrap, group, session_seconds=6.0)
    topic_log, outbox = TopicLog(bootstrap, group), Outbox(bootstrap, "test", bench.metrics)
    bench.lane = Losing(bench.app, cast("IndexStage", bench.stage), outbox, bench.metrics, topic_log, None)
    await bench.app.start()
    try:
        yield bench
    finally:
        await bench.app.stop()
        topic_log.close()


def test_missing_records_are_read_again_from_the_commit_and_what_is_held_is_not_called_unread(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            bench.lane.once = bench.place(5, 6)
            write(kafka, 5)
            await bench.until(lambda: bench.has_read(*range(5)))
            reading = Reading(PLACE.topic, bench.group)
            await bench.until(lambda: Lag(kafka).unread([reading]) == {reading: 0})
            assert bench.stage.safe == bench.end
            (held,) = bench.lane._reading.values()
            assert [event.message.value for event in held.unacknowledged] == [None] * 5, "a window may hold them for a day"
            write(kafka, 4)
            await bench.until(lambda: bench.has_read(*range(9)))
            assert bench.stage.starts == [bench.end, bench.end]
            assert bench.read_again() == 1

    asyncio.run(run())


def test_a_partition_goes_on_with_the_note_of_the_very_commit_where_it_begins(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            write(kafka, 5)
            await bench.until(lambda: bench.has_read(*range(5)))
            bench.stage.safe = bench.end + 3
            consumer = Consumer({"bootstrap.servers": kafka, "group.id": bench.group})
            place = TopicPartition(PLACE.topic, NUMBER)
            await bench.until(lambda: consumer.committed([place], timeout=SECONDS)[0].offset == bench.end + 3)
            consumer.close()
            await take_and_give_back(bench)
            await bench.until(lambda: bench.has_read(3, 4))
            assert bench.stage.starts == [bench.end, bench.end + 3]
            assert bench.stage.notes == ["", f"before {bench.end + 3}"]

    asyncio.run(run())


def test_a_log_that_has_lost_its_end_is_told_before_anything_comes_and_what_is_written_then_is_read(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka, beyond=4) as bench:
            await bench.until(lambda: bench.stage.starts == [bench.end])
            assert int(bench.metrics.of(LOST).labels(PLACE.topic)._value.get()) == 4
            consumer = Consumer({"bootstrap.servers": kafka, "group.id": bench.group})
            place = TopicPartition(PLACE.topic, NUMBER)
            await bench.until(lambda: consumer.committed([place], timeout=SECONDS)[0].offset == bench.end)
            write(kafka, 3)
            await bench.until(lambda: bench.has_read(0, 1, 2))
            bench.stage.safe = bench.end + 3
            await bench.until(lambda: consumer.committed([place], timeout=SECONDS)[0].offset == bench.end + 3)
            consumer.close()
            assert bench.read_again() == 0

    asyncio.run(run())


def test_what_is_withheld_is_not_committed_when_the_lane_stops_either(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            write(kafka, 5)
            await bench.until(lambda: bench.has_read(*range(5)))
            bench.app.consumer.withhold()
            bench.stage.safe = bench.end + 3
            await bench.lane.turn()
            expected = bench.end
        consumer = Consumer({"bootstrap.servers": kafka, "group.id": bench.group})
        assert consumer.committed([TopicPartition(PLACE.topic, NUMBER)], timeout=SECONDS)[0].offset == expected
        consumer.close()

    asyncio.run(run())


def test_what_was_processed_is_told_with_a_commit_at_the_first_offset(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            consumer = bench.app.consumer
            (place,) = [tp for tp in consumer.assignment() if tp.partition == NUMBER]
            consumer._thread.seek_to_committed = partial(found, {place: 0})
            await consumer.perform_seek()
            consumer.processed = {place: 7}
            assert consumer._filter_committable_offsets([]) == {place: 0}
            assert consumer.metadata == {(place, 0): "processed=7"}

    async def found(commits: dict[Any, int]) -> dict[Any, int]:
        return commits

    asyncio.run(run())


def test_a_commit_that_is_on_its_way_when_partitions_are_taken_keeps_its_note(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            write(kafka, 5)
            await bench.until(lambda: bench.has_read(*range(5)))
            consumer, given = bench.app.consumer, bench.app.consumer.assignment()
            consumer._withholds = True  # until the test chooses
            bench.stage.safe = bench.end + 3
            await bench.lane.turn()
            consumer._withholds = False
            chosen = consumer._filter_committable_offsets(given)
            await consumer.on_partitions_revoked(given)
            assert {tp.partition: offset for tp, offset in chosen.items()} == {NUMBER: bench.end + 3}
            assert [*consumer.metadata.values()] == [f"processed={bench.end + 5} before {bench.end + 3}"]

    asyncio.run(run())


async def take_and_give_back(bench: Bench) -> None:
    """Take all partitions, turn the lane, and give them back, as a rebalance does."""
    consumer, given = bench.app.consumer, bench.app.consumer.assignment()
    bench.app.on_rebalance_start()
    await consumer.on_partitions_revoked(given)
    await bench.lane.turn()
    await consumer.on_partitions_assigned(given, bench.app.consumer_generation_id)


def test_holes_of_the_log_and_records_that_wait_in_a_rebalance_are_no_fault_but_what_is_missing_again_is(kafka: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            write_in_transaction(bench, 2)
            write(kafka, 1)
            await bench.until(lambda: bench.has_read(0, 1, 3))
            bench.lane._arrived.clear()
            write(kafka, 1)
            await asyncio.wait_for(bench.lane._arrived.wait(), SECONDS)
            await take_and_give_back(bench)
            await bench.until(lambda: bench.has_read(0, 1, 3, 4))
            assert bench.read_again() == 0
            bench.lane.ever = bench.place(5)
            write(kafka, 2)
            await bench.until(lambda: bench.read_again() > 1)

    with pytest.raises(RuntimeError, match="and again when it was read again"):
        asyncio.run(run())


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_what_others_compress_is_read(kafka: str, compression: str) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            write(kafka, 20, compression)
            await bench.until(lambda: bench.has_read(*range(20)))

    asyncio.run(run())


@pytest.mark.parametrize("codec", [0, 1])
def test_a_header_name_that_is_no_text_stops_nothing_and_leaves_its_record_without_headers(kafka: str, codec: int) -> None:
    async def run() -> None:
        async with lane_at_the_end(kafka) as bench:
            await write_names(kafka, PLACE, ["a", InLatin1("caf\xe9"), "caf\xe9"], codec=codec)
            await bench.until(lambda: bench.has_read(0, 1, 2))
            assert bench.stage.headers == [(("a", b"1"),), UNREADABLE, (("caf\xe9", b"1"),)]

    asyncio.run(run())

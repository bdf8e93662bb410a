"""Faust's consumer begins where a group has committed, or at the log's beginning, and nothing flows before."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.topics import Topic
from services.indexer.live import make_app
from streaming.admin import create_topics

RECORDS = 3
SECONDS = 30.0


@dataclass
class Reading:
    """An app that reads two partitions and acknowledges nothing."""

    app: Any
    offsets: dict[int, list[int]] = field(default_factory=lambda: {0: [], 1: []})
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, stream: Any) -> None:
        async for event in stream.noack().events():
            self.offsets[event.message.partition].append(event.message.offset)
            self.came.set()

    async def until_read(self, times: int) -> None:
        """Return when every record was read so many times; fail when it was not in time."""
        async with asyncio.timeout(SECONDS):
            while any(len(read) < times * RECORDS for read in self.offsets.values()):
                self.came.clear()
                await self.came.wait()


@pytest.fixture(scope="module")
def running(kafka: str) -> Iterator[tuple[asyncio.Runner, Reading]]:
    """Give a reading of a topic of its own, with some records in both partitions, by a group that has never committed."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    create_topics(kafka, [Topic(name, "embedding/1", "stream", 2, "delete", 86_400_000, (), (), "a test")])
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(RECORDS):
        for partition in (0, 1):
            producer.produce(name, str(number).encode(), partition=partition)
    producer.flush()
    with asyncio.Runner() as runner:
        made = runner.run(started(kafka, name))
        yield runner, made
        runner.run(made.app.stop())


async def started(bootstrap: str, topic: str) -> Reading:
    """Start an app and have it read all of a topic once."""
    made = Reading(make_app(bootstrap, f"{topic}-group", session_seconds=6.0))
    made.app.agent(made.app.topic(topic, key_serializer="raw", value_serializer="raw"), concurrency=1)(made.read)
    await made.app.start()
    await made.until_read(times=1)
    return made


async def read_anew(made: Reading, act: Callable[[Any], Awaitable[None]]) -> dict[int, list[int]]:
    """Return the offsets that are read once something was done with the app's consumer."""
    made.offsets = {0: [], 1: []}
    await act(made.app.consumer)
    await made.until_read(times=1)
    return made.offsets


ALL = {0: [*range(RECORDS)], 1: [*range(RECORDS)]}


def test_a_partition_without_a_commit_is_sought_to_its_beginning(running: tuple[asyncio.Runner, Reading]) -> None:
    runner, made = running
    assert runner.run(read_anew(made, lambda consumer: consumer.perform_seek())) == ALL


def test_nothing_flows_in_a_rebalance_that_began_while_partitions_were_being_sought(
    running: tuple[asyncio.Runner, Reading],
) -> None:
    async def rebalance(consumer: Any) -> None:
        given = consumer.assignment()
        consumer.app.on_rebalance_start()
        await consumer.on_partitions_revoked(given)
        await consumer.perform_seek()
        consumer.resume_flow()  # the end of what the rebalance before has begun
        assert not consumer.flow_active
        await consumer.on_partitions_assigned(given, consumer.app.consumer_generation_id)

    runner, made = running
    assert runner.run(read_anew(made, rebalance)) == ALL


def test_a_seek_that_is_not_answered_ends_the_app_instead_of_leaving_it_idle(running: tuple[asyncio.Runner, Reading]) -> None:
    async def rebalance(app: Any) -> None:
        app.consumer.seek_seconds = 0.0
        given = app.consumer.assignment()
        app.on_rebalance_start()
        await app.consumer.on_partitions_revoked(given)
        await app.consumer.on_partitions_assigned(given, app.consumer_generation_id)
        await asyncio.wait_for(app._crashed.wait(), SECONDS)

    runner, made = running
    runner.run(rebalance(made.app))
    assert isinstance(made.app.crash_reason, TimeoutError)

"""Faust's consumer goes back to the log's beginning where a group has no commit, as after records that it threw away."""

import asyncio
import uuid
from typing import Any

from confluent_kafka import Producer

from schemas.topics import Topic
from services.indexer.live import make_app
from streaming.admin import create_topics

RECORDS = 3
SECONDS = 30.0


def test_a_partition_without_a_commit_is_sought_to_its_beginning(kafka: str) -> None:
    name = f"t-{uuid.uuid4().hex[:12]}"
    create_topics(kafka, [Topic(name, "embedding/1", "stream", 2, "delete", 86_400_000, (), (), "a test")])
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(RECORDS):
        for partition in (0, 1):
            producer.produce(name, str(number).encode(), partition=partition)
    producer.flush()
    assert asyncio.run(offsets_read_twice(kafka, name)) == {0: [*range(RECORDS)] * 2, 1: [*range(RECORDS)] * 2}


async def offsets_read_twice(bootstrap: str, topic: str) -> dict[int, list[int]]:
    """Read all records, acknowledge none, have the consumer seek as it does after a rebalance, and read on."""
    app = make_app(bootstrap, f"{topic}-group", session_seconds=6.0)
    offsets: dict[int, list[int]] = {0: [], 1: []}
    once, twice = asyncio.Event(), asyncio.Event()

    async def read(stream: Any) -> None:
        async for event in stream.noack().events():
            offsets[event.message.partition].append(event.message.offset)
            for times, come in ((1, once), (2, twice)):
                if all(len(read) >= times * RECORDS for read in offsets.values()):
                    come.set()

    app.agent(app.topic(topic, key_serializer="raw", value_serializer="raw"), concurrency=1)(read)
    await app.start()
    try:
        await asyncio.wait_for(once.wait(), SECONDS)
        await app.consumer.perform_seek()
        await asyncio.wait_for(twice.wait(), SECONDS)
    finally:
        await app.stop()
    return offsets

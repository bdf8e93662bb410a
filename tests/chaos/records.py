"""What a topic holds."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.topics import TOPICS
from streaming.clients import reader_settings
from tests.indexer.service import asked

TIMEOUT_SECONDS: Final = 10.0


def records_of(bootstrap: str, topic: str) -> Iterator[Message]:
    """Give every record that a topic holds now, those of a partition in their order."""
    with closing(Consumer(reader_settings(bootstrap, "chaos", "chaos"))) as consumer:
        places = [TopicPartition(topic, number) for number in range(TOPICS[topic].partitions)]
        bounds = {place.partition: asked(partial(_bounds_of, consumer, place)) for place in places}
        ends = {partition: end for partition, (_, end) in bounds.items()}
        consumer.assign([TopicPartition(topic, partition, start) for partition, (start, _) in bounds.items()])
        unread = {partition for partition, (start, end) in bounds.items() if end > start}
        while unread:
            for message in consumer.consume(500, 1.0):
                if message.error() is not None:
                    continue
                partition, offset = message.partition() or 0, message.offset() or 0
                if offset < ends[partition]:
                    yield message
                if offset + 1 >= ends[partition]:
                    unread.discard(partition)


def _bounds_of(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    start, end = consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
    return int(start), int(end)

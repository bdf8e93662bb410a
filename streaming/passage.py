"""Reading a passage of one partition again, without a group: from a time to an offset."""

import uuid
from collections.abc import Iterator
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streaming.clients import reader_settings
from streaming.errors import Unavailable
from streaming.records import Partition, Record, record_of

TIMEOUT_SECONDS: Final = 5.0


def read_passage(bootstrap: str, partition: Partition, from_ms: int, through_offset: int) -> Iterator[Record]:
    """Yield the records that Kafka took at `from_ms` or later, up to and with the one at `through_offset`.

    What has left the log is not among them. Raises `Unavailable`.
    """
    settings = reader_settings(bootstrap, f"passage-{partition.topic}", f"framebus-reader-{uuid.uuid4().hex}")
    consumer = Consumer({**settings, "enable.partition.eof": False, "auto.offset.reset": "earliest"})
    try:
        yield from _read(consumer, partition, from_ms, through_offset)
    except KafkaException as error:
        raise Unavailable(f"{partition.topic} [{partition.number}] cannot be read again: {error}") from error
    finally:
        consumer.close()


def _read(consumer: Consumer, partition: Partition, from_ms: int, through_offset: int) -> Iterator[Record]:
    (place,) = consumer.offsets_for_times([TopicPartition(partition.topic, partition.number, from_ms)], timeout=TIMEOUT_SECONDS)
    if place.error is not None:
        raise KafkaException(place.error)
    _, end = consumer.get_watermark_offsets(TopicPartition(partition.topic, partition.number), timeout=TIMEOUT_SECONDS)
    last, offset = min(through_offset, end - 1), place.offset - 1
    if not 0 <= place.offset <= last:
        return
    consumer.assign([TopicPartition(partition.topic, partition.number, place.offset)])
    while offset < last:
        message = consumer.poll(TIMEOUT_SECONDS)
        if message is None or message.error() is not None:
            raise Unavailable(f"{partition.topic} [{partition.number}] was not read through to {last}")
        offset = message.offset() or 0
        if offset <= last:
            yield record_of(message)

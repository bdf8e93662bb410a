"""Reading of one partition without a group: a passage from a time to an offset, and the time of a record."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from streaming.clients import reader_settings
from streaming.errors import Unavailable
from streaming.records import Partition, Record, record_of

TIMEOUT_SECONDS: Final = 5.0


def read_passage(bootstrap: str, partition: Partition, from_ms: int, through_offset: int) -> Iterator[Record]:
    """Yield the records that Kafka took at `from_ms` or later, up to and with the one at `through_offset`.

    What has left the log is not among them. Raises `Unavailable`.
    """
    with _reading(bootstrap, partition) as consumer:
        (place,) = consumer.offsets_for_times([_place(partition, from_ms)], timeout=TIMEOUT_SECONDS)
        if place.error is not None:
            raise KafkaException(place.error)
        if place.offset >= 0:
            yield from _read(consumer, partition, place.offset, through_offset)


def written_ms(bootstrap: str, partition: Partition, offset: int) -> int | None:
    """Return when Kafka took the record at `offset`, or the oldest after it that is kept; None where there is none yet.

    Raises `Unavailable`.
    """
    with _reading(bootstrap, partition) as consumer:
        first, end = consumer.get_watermark_offsets(_place(partition), timeout=TIMEOUT_SECONDS)
        begin = max(first, offset)
        return next((record.timestamp_ms for record in _read(consumer, partition, begin, end - 1)), None)


@contextmanager
def _reading(bootstrap: str, partition: Partition) -> Iterator[Consumer]:
    settings = reader_settings(bootstrap, f"passage-{partition.topic}", f"framebus-reader-{uuid.uuid4().hex}")
    consumer = Consumer({**settings, "auto.offset.reset": "earliest"})
    try:
        yield consumer
    except KafkaException as error:
        raise Unavailable(f"{partition.topic} [{partition.number}] cannot be read again: {error}") from error
    finally:
        consumer.close()


def _place(partition: Partition, offset: int = OFFSET_BEGINNING) -> TopicPartition:
    return TopicPartition(partition.topic, partition.number, offset)


def _read(consumer: Consumer, partition: Partition, first_offset: int, through_offset: int) -> Iterator[Record]:
    _, end = consumer.get_watermark_offsets(_place(partition), timeout=TIMEOUT_SECONDS)
    last, offset = min(through_offset, end - 1), first_offset - 1
    if offset >= last:
        return
    consumer.assign([_place(partition, first_offset)])
    while offset < last:
        message = consumer.poll(TIMEOUT_SECONDS)
        if message is None or message.error() is not None:
            raise Unavailable(f"{partition.topic} [{partition.number}] was not read through to {last}")
        offset = message.offset() or 0
        if offset <= last:
            yield record_of(message)

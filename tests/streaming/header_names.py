"""Records whose headers have names that are no UTF-8 text, as Kafka takes them from any producer."""

from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streaming.records import Partition


class InLatin1(str):
    """A header's name that goes out in Latin-1."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


async def write_names(bootstrap: str, place: Partition, names: Sequence[str], *, codec: int = 0) -> None:
    """Write a batch of records, each with one header of that name; `codec` is Kafka's number of a compression."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    batch = producer.create_batch()
    batch._builder = _DefaultRecordBatchBuilderPy(2, codec, False, -1, -1, 0, 1_000_000)
    for name in names:
        batch.append(key=None, value=b"x" * 500, timestamp=1, headers=[(name, b"1")])
    await (await producer.send_batch(batch, place.topic, partition=place.number))
    await producer.stop()

"""Where a partition's log begins: asked on a connection of its own, since on Faust's the answer waits behind its fetches."""

from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streaming.clients import reader_settings
from streaming.errors import Unavailable
from streaming.records import Partition

TIMEOUT_SECONDS: Final = 5.0


class LogStart:
    """Asks Kafka for the first offset of partitions."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._consumer = Consumer(reader_settings(bootstrap, "log-start", group))

    def of(self, partition: Partition) -> int:
        """Return the offset of the oldest record that is kept; raises `Unavailable`."""
        place = TopicPartition(partition.topic, partition.number)
        try:
            first, _ = self._consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise Unavailable(f"the log's beginning is unknown: {error}") from error
        return int(first)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

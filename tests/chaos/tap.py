"""What went through topics that forget soon."""

from confluent_kafka import OFFSET_END, Consumer, Message, TopicPartition

from schemas.topics import FRAMES_BULK, FRAMES_LIVE, WIDE
from streaming.clients import reader_settings


class Tap:
    """Keeps every record of the frames topics from now on, however soon the log forgets it."""

    def __init__(self, kafka: str) -> None:
        self.messages: list[Message] = []
        self._consumer = Consumer(reader_settings(kafka, "tap", "tap"))
        topics = (FRAMES_LIVE.name, FRAMES_BULK.name)
        self._consumer.assign([TopicPartition(topic, number, OFFSET_END) for topic in topics for number in range(WIDE)])
        self.turn()

    def turn(self) -> None:
        """Read what has come."""
        self.messages += [message for message in self._consumer.consume(500, 0.2) if message.error() is None]

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()

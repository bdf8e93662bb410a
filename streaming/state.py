"""The ways to read without a group: a state topic whole and then on, a broadcast from now on."""

import time
import uuid
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, TopicPartition

from schemas.errors import InvalidMessage
from schemas.keys import check_key
from schemas.messages import Message, decode
from schemas.topics import Topic
from streaming.clients import reader_settings
from streaming.contact import Contact
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.topic_log import LogBounds

M = TypeVar("M", bound=Message)
BATCH = 500
TURN_SECONDS = 0.01
log = get_logger("state")


def _consumer(bootstrap: str, topic: Topic, offset: int, **more: Any) -> Consumer:
    group = f"framebus-reader-{uuid.uuid4().hex}"  # librdkafka wants a name; nothing is ever committed under it
    settings = reader_settings(bootstrap, topic.name, group)
    consumer = Consumer({**settings, "auto.offset.reset": "earliest", "enable.partition.eof": True, **more})
    consumer.assign([TopicPartition(topic.name, number, offset) for number in range(topic.partitions)])
    return consumer


class StateTopic(Generic[M]):
    """A compacted topic as a mapping: read to its end once, followed from then on, by one thread."""

    def __init__(self, bootstrap: str, topic: Topic, struct: type[M]) -> None:
        self._topic, self._struct = topic, struct
        self._contact = Contact()
        self._consumer = _consumer(bootstrap, topic, OFFSET_BEGINNING, **self._contact.settings())
        self._log = LogBounds(bootstrap, topic.name, topic.partitions)
        self._values: dict[str, M] = {}
        self._partition_of: dict[str, int] = {}
        self._offset_of: dict[str, int] = {}
        self._unread = set(range(topic.partitions))
        self._read_to = dict.fromkeys(range(topic.partitions), 0)
        self._heard: list[M] = []
        self.version = 0

    @property
    def values(self) -> Mapping[str, M]:
        """The newest message of each key."""
        return self._values

    @property
    def partition_of(self) -> Mapping[str, int]:
        """The partition of each key's newest message."""
        return self._partition_of

    @property
    def offset_of(self) -> Mapping[str, int]:
        """The offset of each key's newest message in its partition."""
        return self._offset_of

    def read_to_end(self, deadline_seconds: float = 30.0) -> list[M]:
        """Read until every partition's end has been seen, and return all messages; `Unavailable` when that takes longer."""
        deadline = time.monotonic() + deadline_seconds
        read: list[M] = []
        while self._unread:
            read += self._take(0.1)
            if time.monotonic() > deadline:
                raise Unavailable(f"{self._topic.name} was not read to its end in {deadline_seconds} s")
        self._contact.hear()
        return read

    def poll(self) -> list[M]:
        """Follow without waiting; return what has changed."""
        changed, self._heard = self._heard, []
        while batch := self._take(0):
            changed += batch
        return changed

    def read_on(self, deadline_seconds: float) -> None:
        """Read all that was written until now; the next `poll` returns it. Raises `Unavailable` when that takes longer."""
        deadline = time.monotonic() + deadline_seconds
        ends = self._log.ends(deadline_seconds)
        while any(self._read_to[number] < end for number, end in enumerate(ends)):
            self._heard += self._take(TURN_SECONDS)
            if time.monotonic() > deadline:
                raise Unavailable(f"{self._topic.name} was not read on to its end in {deadline_seconds} s")

    def is_followed(self) -> bool:
        """Whether it was read to its end and Kafka is still there, as far as `poll` has been told; from any thread."""
        return not self._unread and self._contact.is_kept()

    def close(self) -> None:
        """End reading."""
        self._consumer.close()

    def _take(self, timeout_seconds: float) -> list[M]:
        taken = [self._apply(message) for message in self._consumer.consume(BATCH, timeout_seconds)]
        return [message for message in taken if message is not None]

    def _apply(self, message: Any) -> M | None:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's own spelling
                self._unread.discard(message.partition())
                self._read_to[message.partition()] = message.offset()
            return None
        self.version += 1
        self._read_to[message.partition()] = message.offset() + 1
        key = (message.key() or b"").decode(errors="replace")
        if message.value() is None:
            self._values.pop(key, None)
            return None
        try:
            value = decode(message.value(), self._struct)
            check_key(self._topic, key, value)
        except InvalidMessage as invalid:
            log.warning("state ignored", topic=self._topic.name, key=key, reason=str(invalid))
            return None
        self._values[key], self._partition_of[key], self._offset_of[key] = value, message.partition(), message.offset()
        return value


class Broadcast(Generic[M]):
    """A topic from now on, without a group: what is missed is not needed."""

    def __init__(self, bootstrap: str, topic: Topic, struct: type[M]) -> None:
        self._topic, self._struct = topic, struct
        self._consumer = _consumer(bootstrap, topic, OFFSET_END)

    def poll(self, timeout_seconds: float) -> list[M]:
        """Wait for at most `timeout_seconds`; return what has come."""
        messages: list[M] = []
        for message in self._consumer.consume(BATCH, timeout_seconds):
            if message.error() is None:
                try:
                    messages.append(decode(message.value(), self._struct))
                except InvalidMessage as invalid:
                    log.warning("broadcast ignored", topic=self._topic.name, reason=str(invalid))
        return messages

    def close(self) -> None:
        """End reading."""
        self._consumer.close()

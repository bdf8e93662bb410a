"""The one producer of a process: outputs, JSON messages and dead letters."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as KafkaMessage

from schemas.limits import PAYLOAD_LIMIT_BYTES
from schemas.messages import SCHEMA_OF, Message, encode
from streaming import metrics as m
from streaming.clients import producer_settings
from streaming.dead_letters import is_replayed, write_letter
from streaming.errors import Stopped, Unavailable
from streaming.records import Record
from streaming.rejections import Budget, Fuse

ANSWERS_SECONDS: Final = 0.05
SOURCE_CHARACTERS: Final = 64
"""By which senders of what is invalid are told apart: thousands of them are remembered, whatever they call themselves."""
EARLIEST_MS: Final = 1
"""The client takes a timestamp of 0 for none, and puts now in its place."""
CLOCKS_DIFFER: Final = (
    ". Its time lies further ahead of the broker's clock than message.timestamp.after.max.ms of the topic allows, an hour by "
    "default: set the clocks of both machines (NTP) and start again"
)

Delivered = Callable[[int, int], None]


class Outbox:
    """Sends at least once and in order; a delivery that fails for ever ends the process.

    `answers`: how many records Kafka has acknowledged, of any sender of this process.
    """

    def __init__(self, bootstrap: str, service: str, metrics: m.Metrics) -> None:
        self._producer = Producer(producer_settings(bootstrap, service))
        self._service = service
        self._metrics = metrics
        self._budget, self._fuse = Budget(), Fuse()
        self._failure: KafkaError | None = None
        self.answers = 0
        self.give_up: Callable[[], bool] = lambda: False
        self.while_waiting: Callable[[], None] = lambda: None

    def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: str,
        headers: list[tuple[str, bytes]],
        partition: int | None = None,
        timestamp_ms: int | None = None,
        on_delivered: Delivered | None = None,
    ) -> None:
        """Hand a record to Kafka; waits while the local queue is full.

        `timestamp_ms` is Kafka's own time, now where it is absent; an embedding takes over its frame's.
        `on_delivered` gets partition and offset, from within a later `send` or `flush`. Raises `ValueError` for a value over
        the payload limit and `Stopped` when the process is asked to stop while it waits.
        """
        if len(value) > PAYLOAD_LIMIT_BYTES:
            raise ValueError(f"a value of {len(value)} bytes for {topic}: at most {PAYLOAD_LIMIT_BYTES}")
        place = {"partition": partition, "timestamp": None if timestamp_ms is None else max(timestamp_ms, EARLIEST_MS)}
        self._produce(topic, value, key.encode(), headers, place, on_delivered)
        self._fuse.succeeded()

    def offer(
        self, topic: str, value: bytes, *, key: str, headers: list[tuple[str, bytes]], on_delivered: Delivered | None = None
    ) -> bool:
        """Hand a record to Kafka without waiting; False while the local queue is full. From any thread, unlike the rest.

        For what must never be held up by Kafka, and is caught up from elsewhere when it was not taken.
        """
        try:
            self._producer.produce(topic, value, key, headers=list(headers), on_delivery=self._acknowledged(on_delivered))
        except BufferError:
            return False
        self._raise_failure()
        self._metrics.of(m.SENT).labels(topic).inc()
        return True

    def has_room(self, most_waiting: int) -> bool:
        """Whether fewer than `most_waiting` records wait for Kafka; where they are more, its answers are waited for a moment.

        Who sends much asks this first: where the queue is full, what is offered is refused.
        """
        self._producer.poll(0 if len(self._producer) < most_waiting else ANSWERS_SECONDS)
        self._raise_failure()
        return len(self._producer) < most_waiting

    def send_message(
        self, topic: str, message: Message, *, key: str, partition: int | None = None, on_delivered: Delivered | None = None
    ) -> None:
        """Send a JSON message with its `schema` header."""
        headers = [("schema", SCHEMA_OF[type(message)].encode())]
        self.send(topic, encode(message), key=key, headers=headers, partition=partition, on_delivered=on_delivered)

    def send_again(self, record: Record, on_delivered: Delivered) -> None:
        """Send a record to its own partition with its own key, value and headers, whatever they are; waits as `send` does."""
        place = {"partition": record.partition.number}
        self._produce(record.partition.topic, record.value, record.key, record.headers, place, on_delivered)

    def reject(self, record: Record, reason: str) -> None:
        """Write a record that can never be processed to its dead-letter topic, with the reason in the headers.

        All are counted, and of each source a share is kept. For the fuse those count that are our own: ours carry a `life`; what
        others send without one, or a person sends again, says nothing about us.
        """
        self.count_refused(record, reason)
        if not self._budget.keeps(_source_of(record), time.monotonic()):
            self._metrics.of(m.REJECTED_UNKEPT).labels(record.partition.topic).inc()
            return
        letter = write_letter(record, reason, self._service, int(time.time() * 1000))
        self._produce(letter.partition.topic, letter.value, letter.key, letter.headers, {}, None)

    def count_refused(self, record: Record, reason: str) -> None:
        """Count a record that can never be processed, for the fuse too, and write no letter: it has one, or will."""
        self._metrics.of(m.REJECTED).labels(record.partition.topic).inc()
        if record.header("life") is not None and not is_replayed(record):
            self._fuse.failed(_source_of(record), reason)

    def accepted(self) -> None:
        """Note that a record can be processed, where what comes of it is sent much later: the fuse is for when none can."""
        self._fuse.succeeded()

    def flush(self, timeout_seconds: float = 5.0) -> None:
        """Return when Kafka has acknowledged all that was sent; `Unavailable` when it has not in time.

        Raises `FuseBlown` when records of many of our own sources were refused and none has gone through since the first of them.
        """
        left = self._producer.flush(timeout_seconds)
        self._raise_failure()
        if left:
            raise Unavailable(f"Kafka has not acknowledged {left} records in {timeout_seconds} s")
        self._fuse.judge()

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
        place: Mapping[str, int | None],
        on_delivered: Delivered | None,
    ) -> None:
        given: dict[str, Any] = {name: number for name, number in place.items() if number is not None}
        acknowledged = self._acknowledged(on_delivered)
        while True:
            try:
                self._producer.produce(topic, value, key, headers=list(headers), on_delivery=acknowledged, **given)
                break
            except BufferError:
                self._wait()
        self._producer.poll(0)
        self._raise_failure()
        self._metrics.of(m.SENT).labels(topic).inc()

    def _acknowledged(self, on_delivered: Delivered | None) -> Callable[[KafkaError | None, KafkaMessage], None]:
        def acknowledged(error: KafkaError | None, message: KafkaMessage) -> None:
            if error is not None:
                self._failure = error
                return
            self.answers += 1
            if on_delivered is not None:
                on_delivered(message.partition() or 0, message.offset() or 0)

        return acknowledged

    def _wait(self) -> None:
        if self.give_up():
            raise Stopped
        self.while_waiting()
        self._producer.poll(0.1)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            way_out = CLOCKS_DIFFER if self._failure.code() == KafkaError.INVALID_TIMESTAMP else ""
            raise RuntimeError(f"Kafka refused a record: {self._failure.str()}{way_out}")


def _source_of(record: Record) -> str:
    return (record.header("source_id") or (record.key or b"").decode(errors="replace"))[:SOURCE_CHARACTERS]

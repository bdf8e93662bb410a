"""What the log of a topic holds: where its partitions begin and end, and which record comes next."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streaming.clients import admin_settings, reader_settings
from streaming.errors import Unavailable
from streaming.records import Partition

TIMEOUT_SECONDS: Final = 5.0
AT_ONCE_SECONDS: Final = 1.0


def edges(consumer: Consumer, partition: Partition, timeout_seconds: float) -> tuple[int, int]:
    """Return the offset of the oldest record that is kept, and one past the newest; raises `KafkaException`."""
    try:
        first, end = consumer.get_watermark_offsets(TopicPartition(partition.topic, partition.number), timeout=timeout_seconds)
        return int(first), int(end)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._UNKNOWN_PARTITION:  # noqa: SLF001  the library's own spelling
            raise
    # A partition may be given before the client has heard that it exists; a question for times makes it look. It is not asked
    # first: after a broker's restart it bears the leader of before, and is refused, for minutes.
    places = [TopicPartition(partition.topic, partition.number, edge) for edge in (OFFSET_BEGINNING, OFFSET_END)]
    first, end = (checked(consumer.offsets_for_times([place], timeout=timeout_seconds))[0].offset for place in places)
    return int(first), int(end)


def checked(places: Iterable[TopicPartition]) -> list[TopicPartition]:
    """Return Kafka's answers; raises `KafkaException` where one is an error, which the call as a whole does not say."""
    answers = list(places)
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    return answers


def edges_of(bootstrap: str, partitions: Collection[Partition]) -> dict[Partition, tuple[int, int]]:
    """Return the `edges` of those partitions that Kafka answers for at once, asked on a connection of its own.

    One after the other: that takes a millisecond each, where a new admin client now and then needs a second or three to begin.
    One without a leader does not hold up the others.
    """
    consumer, answered = Consumer(_settings(bootstrap, "framebus-reader")), {}
    try:
        for one in partitions:
            with suppress(KafkaException):
                answered[one] = edges(consumer, one, AT_ONCE_SECONDS)
    finally:
        consumer.close()
    return answered


def _settings(bootstrap: str, group: str) -> dict[str, Any]:
    """Settings to see all of a log with, what an open transaction holds back too."""
    return {**reader_settings(bootstrap, "topic-log", group), "isolation.level": "read_uncommitted"}


class LogBounds:
    """Where a topic's partitions begin and end, asked of all in one request on a connection of its own, opened at the first.

    On a consumer's connection each answer waits behind a fetch: half a second a partition. Questions that Kafka does not answer
    in time raise `Unavailable`.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._bootstrap, self._topic = bootstrap, topic
        self._admin: AdminClient | None = None

    def begins(self, timeout_seconds: float) -> list[int]:
        """Return the offset of the oldest record of each partition."""
        return self._ask(OffsetSpec.earliest(), timeout_seconds)

    def ends(self, timeout_seconds: float) -> list[int]:
        """Return one past the newest record of each partition."""
        return self._ask(OffsetSpec.latest(), timeout_seconds)

    def _ask(self, spec: OffsetSpec, timeout_seconds: float) -> list[int]:
        # Not `or`: a client with nothing to do is false.
        admin = AdminClient(admin_settings(self._bootstrap)) if self._admin is None else self._admin
        # Kept only where it answers: one may go on asking with leaders and epochs of before a broker was restarted, for ever.
        self._admin = None
        try:
            futures = admin.list_offsets(dict.fromkeys(self._places, spec), request_timeout=timeout_seconds)
            offsets = [int(futures[place].result(timeout_seconds).offset) for place in self._places]
        except (KafkaException, TimeoutError) as error:
            raise Unavailable(f"the ends of {self._topic} are unknown: {error}") from error
        self._admin = admin
        return offsets


class TopicLog:
    """Asks on a connection of its own, since on Faust's the answer waits behind its fetches."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._consumer = Consumer(_settings(bootstrap, group))

    def edges(self, partition: Partition) -> tuple[int, int]:
        """Return the offset of the oldest record that is kept, and one past the newest; raises `Unavailable`."""
        try:
            return edges(self._consumer, partition, TIMEOUT_SECONDS)
        except KafkaException as error:
            raise Unavailable(f"where the log begins and ends is unknown: {error}") from error

    def metadata(self, partition: Partition, offset: int) -> str:
        """Return the metadata of the group's commit at `offset`, empty where the commit is another; raises `Unavailable`."""
        place = TopicPartition(partition.topic, partition.number)
        try:
            (commit,) = checked(self._consumer.committed([place], timeout=TIMEOUT_SECONDS))
        except KafkaException as error:
            raise Unavailable(f"the commit is unknown: {error}") from error
        return (commit.metadata or "") if commit.offset == offset else ""

    def next_from(self, partition: Partition, offset: int) -> int:
        """Return the offset of the first record from `offset` on, which the log reaches; raises `Unavailable`."""
        try:
            self._consumer.assign([TopicPartition(partition.topic, partition.number, offset)])
            message = self._consumer.poll(TIMEOUT_SECONDS)
            self._consumer.unassign()
        except KafkaException as error:
            raise Unavailable(f"the log cannot be read: {error}") from error
        if message is None or message.error() is not None:
            reason = "no answer" if message is None else message.error()
            raise Unavailable(f"the log cannot be read from offset {offset}: {reason}")
        return int(message.offset() or 0)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

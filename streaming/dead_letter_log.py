"""Dead-letter topics, read backwards for a look: without a group, nothing is committed, nothing is moved."""

import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.topics import dead_letter_topic
from streaming.clients import reader_settings
from streaming.dead_letters import DeadLetter, read_letter
from streaming.errors import Unavailable
from streaming.records import record_of

T = TypeVar("T")
WINDOW_RECORDS: Final = 200
TAKEN_RECORDS: Final = 50
"""At once, of letters that may have a megabyte each."""
ANSWER_SECONDS: Final = 3.0
POLL_SECONDS: Final = 0.1
FETCH_WAIT_MS: Final = 10
"""A fetch that waits at the end of one topic holds up the next question to the same broker."""


class DeadLetterLog:
    """One connection for the questions of one look; each raises `Unavailable` when Kafka does not answer in time.

    A topic is named as the records' own, without its ending. A dead-letter topic has one partition.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        group = f"framebus-reader-{uuid.uuid4().hex}"  # librdkafka wants a name; nothing is ever committed under it
        settings = {**reader_settings(bootstrap, "dead-letters", group), "auto.offset.reset": "earliest"}
        self._consumer = Consumer({**settings, "enable.partition.eof": True, "fetch.wait.max.ms": FETCH_WAIT_MS})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def bounds(self, topic: str) -> tuple[int, int]:
        """Return the number of the oldest letter of a topic that is kept, and of the next that will come."""
        first, end = self._asked(lambda: self._consumer.get_watermark_offsets(_place(topic), timeout=ANSWER_SECONDS))
        return first, end

    def first_since(self, topic: str, since_ms: int) -> int:
        """Return the number of the first letter that was written at or after a moment, of the next to come where none was."""
        [place] = self._asked(lambda: self._consumer.offsets_for_times([_place(topic, since_ms)], timeout=ANSWER_SECONDS))
        return place.offset if place.offset >= 0 else self.bounds(topic)[1]

    def newest(self, topic: str, first: int, end: int, view: Callable[[DeadLetter], T]) -> Iterator[T]:
        """Give views of the letters from `first` until before `end`, newest first.

        They are read some hundred at a time, as they are asked for; of the letters themselves, which may be large, none is kept.
        """
        while end > first:
            begin = max(first, end - WINDOW_RECORDS)
            window = [view(letter) for letter in self._read(topic, begin, end)]
            yield from reversed(window)
            end = begin

    def letter(self, topic: str, number: int) -> DeadLetter | None:
        """Return one letter; None where it never was, or is no longer kept."""
        first, end = self.bounds(topic)
        if not first <= number < end:
            return None
        return next((letter for letter in self._read(topic, number, number + 1) if letter.number == number), None)

    def _read(self, topic: str, begin: int, end: int) -> Iterator[DeadLetter]:
        """Give the letters between two numbers, oldest first; fewer where retention has taken some meanwhile."""
        self._consumer.assign([_place(topic, begin)])
        deadline = time.monotonic() + ANSWER_SECONDS
        while begin < end:
            for message in self._consumer.consume(min(end - begin, TAKEN_RECORDS), POLL_SECONDS):
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's own spelling
                        return
                    continue
                record = record_of(message)
                begin = record.offset + 1
                if begin > end:
                    return
                deadline = time.monotonic() + ANSWER_SECONDS
                yield read_letter(record)
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka at {self._bootstrap} does not show {topic}'s dead letters in {ANSWER_SECONDS:g} s")

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """Ask until Kafka answers or the time is over: a broker that has just started does not know its partitions' leaders."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return ask()
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise Unavailable(f"Kafka at {self._bootstrap} does not answer: {error}") from error
            time.sleep(POLL_SECONDS)


def _place(topic: str, offset: int | None = None) -> TopicPartition:
    name = dead_letter_topic(topic)
    return TopicPartition(name, 0) if offset is None else TopicPartition(name, 0, offset)

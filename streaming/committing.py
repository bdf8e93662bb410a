"""Commits with a limit. The client's own may never return: confluent-kafka 2.16.1 hung in one after Kafka was killed and back."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from streaming.errors import Unavailable
from streaming.topic_log import checked

ANSWER_SECONDS: Final = 5.0
LOST_SECONDS: Final = 60.0
"""Who has waited for so long while Kafka answers other questions waits for nothing: a new client commits."""


class Committer:
    """Commits of one consumer, one at a time, on a thread that may hang without the caller."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS, lost_seconds: float = LOST_SECONDS) -> None:
        self._answer_seconds, self._lost_seconds = answer_seconds, lost_seconds
        self._thread = ThreadPoolExecutor(1, "commit")
        self._pending: Future[list[TopicPartition]] | None = None
        self._waited_seconds = 0.0

    def commit(self, consumer: Any, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Commit and return Kafka's answers; raises `KafkaException` where one is an error.

        Raises `Unavailable` when there is none yet. It is waited for again at the next call, which then commits anew. Raises
        `RuntimeError` when Kafka answers and the client does not.
        """
        if self._pending is not None:
            with suppress(KafkaException):  # what was refused then may be taken now
                self._wait(consumer, self._pending)
        self._pending = self._thread.submit(_commit, consumer, places)
        try:
            return self._wait(consumer, self._pending)
        finally:
            if self._pending.done():
                self._pending = None

    def _wait(self, consumer: Any, pending: Future[list[TopicPartition]]) -> list[TopicPartition]:
        began = time.monotonic()
        try:
            return pending.result(self._answer_seconds)
        except NotYet:
            self._waited_seconds += min(self._answer_seconds, time.monotonic() - began)  # a machine that slept did not wait
            if self._waited_seconds >= self._lost_seconds and _answers(consumer):
                raise RuntimeError(
                    f"Kafka answers, and the client has not returned from a commit for {self._waited_seconds:.0f} s: "
                    "start again, it goes on from the last one"
                ) from None
            raise Unavailable(f"Kafka has not answered a commit in {self._waited_seconds:.0f} s") from None
        finally:
            if pending.done():
                self._waited_seconds = 0.0


def _commit(consumer: Any, places: Sequence[TopicPartition]) -> list[TopicPartition]:
    return checked(consumer.commit(offsets=list(places), asynchronous=False))


def _answers(consumer: Any) -> bool:
    try:
        consumer.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException:
        return False
    return True

"""How much of a topic is unread: Kafka has no backpressure, so writers look before they write."""

import time
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.topics import TOPICS
from streaming.clients import reader_settings
from streaming.commits import processed_offset
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.rounds import Rounds
from streaming.topic_log import LogBounds

TIMEOUT_SECONDS: Final = 5.0
REFRESH_SECONDS: Final = 0.5
log = get_logger("backlog")


def unread_of(start: int, end: int, processed: int | None) -> int:
    """Return how many records of a partition are unread, for a group that has processed up to there, None for one that has not
    begun. What has left the log unread still counts: a writer that went on would only lose more.
    """
    return max(0, end - (start if processed is None else processed))


class Backlog:
    """Unread records of a topic: end of log less the last processed offset, of the group that is furthest behind."""

    def __init__(self, bootstrap: str, topic: str, groups: Sequence[str], *, refresh_seconds: float = REFRESH_SECONDS) -> None:
        self._partitions = [TopicPartition(topic, number) for number in range(TOPICS[topic].partitions)]
        self._log = LogBounds(bootstrap, topic, TOPICS[topic].partitions)
        self._groups = [Consumer(reader_settings(bootstrap, "backlog", group)) for group in groups]
        self._refresh_seconds = refresh_seconds
        self._looked_at = -refresh_seconds
        self._unread = 0

    def unread(self, since: float = 0.0) -> int:
        """Return the unread records, counted at most `refresh_seconds` ago and not before `since`; raises `Unavailable`.

        `since` is a time of `time.monotonic`: whoever has written much gives the time at which it had.
        """
        now = time.monotonic()
        if self._groups and (now - self._looked_at >= self._refresh_seconds or self._looked_at < since):
            try:
                self._unread = self._look()
            except (KafkaException, TimeoutError) as error:
                raise Unavailable(f"the backlog is unknown: {error}") from error
            self._looked_at = now
        return self._unread

    def close(self) -> None:
        """Close the connections."""
        for consumer in self._groups:
            consumer.close()

    def _look(self) -> int:
        ends, starts = self._log.ends(TIMEOUT_SECONDS), self._log.begins(TIMEOUT_SECONDS)
        return max(self._behind(consumer, starts, ends) for consumer in self._groups)

    def _behind(self, consumer: Consumer, starts: list[int], ends: list[int]) -> int:
        committed = consumer.committed(self._partitions, timeout=TIMEOUT_SECONDS)
        behind = 0
        for commit, start, end in zip(committed, starts, ends, strict=True):
            behind += unread_of(start, end, processed_offset(commit.offset, commit.metadata))
        return behind


class WatchedBacklog:
    """A backlog that is counted on a thread of its own: whoever asks never waits for Kafka."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._rounds = Rounds("backlog", REFRESH_SECONDS)
        self._unread: int | None = None

    def unread(self) -> int | None:
        """Return the unread records as of the last count; None where nothing is known, since Kafka does not say."""
        self._rounds.follow(lambda: self._count)
        return self._unread

    def close(self) -> None:
        """End the thread and close the connections."""
        self._rounds.close()
        self._backlog.close()

    def _count(self) -> None:
        try:
            self._unread = self._backlog.unread()
        except Unavailable as error:
            self._unread = None
            log.warning("waiting", reason=str(error))

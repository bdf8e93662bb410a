"""Commits that are sent and not waited for: the answer comes from within a later poll.

confluent-kafka 2.16.1 lets one thread at a time into a consumer, whatever it calls. A commit that waits for its answer keeps all
others out for as long: for 45 s where Kafka has just gone, and seen once for good; within a rebalance it waits for itself.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streaming.commits import commit_metadata
from streaming.errors import Unavailable
from streaming.records import Partition
from streaming.stage import Reached

ANSWER_SECONDS: Final = 5.0
LOST_SECONDS: Final = 60.0
"""Who has waited for so long while Kafka answers other questions waits for nothing: a new client commits."""


class Committer:
    """The commits of one consumer, which calls `answered` (`on_commit`) as it is polled.

    The next is sent when the one before is answered, but for what is given up, which is committed and forgotten at once.

    Attributes:
        confirmed: the partitions in hand, with what Kafka has confirmed of each.
    """

    def __init__(self, answer_seconds: float = ANSWER_SECONDS, lost_seconds: float = LOST_SECONDS) -> None:
        self.confirmed: dict[Partition, Reached] = {}
        self._answer_seconds, self._lost_seconds = answer_seconds, lost_seconds
        self._sent: dict[Partition, Reached] = {}
        self._under_way = 0
        self._waited_seconds = self._looked_at = 0.0
        self._refused: KafkaError | None = None

    def send(self, consumer: Any, reached: Mapping[Partition, Reached]) -> None:
        """Send a commit; one of partitions that are given up right after it arrives before they are. Raises `KafkaException`."""
        places = [
            TopicPartition(p.topic, p.number, one.safe_offset, commit_metadata(one.processed_offset, one.note, one.begun))
            for p, one in reached.items()
        ]
        consumer.commit(offsets=places, asynchronous=True)
        self._sent.update(reached)
        self._under_way += 1
        self._looked_at = time.monotonic()

    def answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        """Take Kafka's answer to a commit."""
        self._under_way -= 1
        self._waited_seconds = 0.0
        for place in places:
            partition = Partition(place.topic, place.partition)
            reached, refused = self._sent.pop(partition, None), error or place.error
            if refused is not None:
                self._refused = refused
            elif reached is not None:
                self.confirmed[partition] = reached

    def forget(self, partition: Partition) -> bool:
        """Give a partition up, and what is under way of it; False where it was not in hand."""
        self._sent.pop(partition, None)
        return self.confirmed.pop(partition, None) is not None

    def is_answered(self, consumer: Any) -> bool:
        """Return whether no commit is under way. Call it now and then: it counts how long an answer is waited for.

        Raises `KafkaException` once for what was refused, `Unavailable` when there is no answer yet, and `RuntimeError` when
        Kafka answers and the client does not.
        """
        refused, self._refused = self._refused, None
        if refused is not None:
            raise KafkaException(refused)
        if not self._under_way:
            return True
        now = time.monotonic()
        self._waited_seconds += min(self._answer_seconds, now - self._looked_at)  # a machine that slept did not wait
        self._looked_at = now
        if self._waited_seconds >= self._lost_seconds and _answers(consumer):
            raise RuntimeError(
                f"Kafka answers, and the client has not told of a commit for {self._waited_seconds:.0f} s: "
                "start again, it goes on from the last one"
            )
        if self._waited_seconds >= self._answer_seconds:
            raise Unavailable(f"Kafka has not answered a commit in {self._waited_seconds:.0f} s")
        return False


def _answers(consumer: Any) -> bool:
    try:
        consumer.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException:
        return False
    return True

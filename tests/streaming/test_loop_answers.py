"""Kafka may answer a question about commits for some partitions, and refuse it for others."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streaming.commits import commit_metadata
from streaming.loop import Loop, Reader
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition
from streaming.stage import Reached

NOWHERE = "127.0.0.1:1"
TOPIC = "frames-bulk"
LOADING, REFUSED = KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.GROUP_AUTHORIZATION_FAILED

Answer = tuple[int, int | None]
"""Of one partition: the offset, and the code of an error."""


class Answering:
    """A consumer that is given its answers: of the partitions in their order, one list for each question."""

    def __init__(self, *answers: list[Answer]) -> None:
        self.answers = list(answers)
        self.asked: list[list[int]] = []
        self.on_commit: Any = None
        self.committing: list[TopicPartition] = []
        self.unassigned: list[int] = []

    def committed(self, places: list[TopicPartition], timeout: float) -> list[Any]:
        assert timeout > 0
        return self._answer(places)

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous
        self.committing = offsets

    def incremental_unassign(self, places: list[TopicPartition]) -> None:
        self.unassigned += [place.partition for place in places]

    def poll(self) -> None:
        """Answer what was committed, as the client does from within a poll."""
        self.on_commit(None, self._answer(self.committing))

    def get_watermark_offsets(self, _: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached
        return 0, 9

    def _answer(self, places: list[TopicPartition]) -> list[Any]:
        self.asked.append([place.offset for place in places])
        return [
            SimpleNamespace(
                topic=place.topic,
                partition=place.partition,
                offset=offset,
                metadata=commit_metadata(offset, "a note"),
                error=None if code is None else KafkaError(code),
            )
            for place, (offset, code) in zip(places, self.answers.pop(0), strict=True)
        ]


class Reaching:
    """A stage that has reached offset 5 of every partition."""

    def reached(self, _: Partition) -> Reached:
        return Reached(5, 5)

    def settle(self) -> None:
        pass

    def revoked(self, _: Partition) -> None:
        pass


def loop_of(consumer: Answering) -> tuple[Loop, Any]:
    """Return a loop, and its one member, which asks this consumer and has two partitions."""
    metrics = Metrics()
    loop = Loop(NOWHERE, [Reader("group", (TOPIC,))], cast("Any", Reaching()), Outbox(NOWHERE, "test", metrics), metrics)
    (member,) = loop._members
    member.consumer.close()
    member.consumer = cast("Any", consumer)
    member.committer.confirmed = {Partition(TOPIC, number): Reached(-1, -1) for number in (0, 1)}
    consumer.on_commit = member.committer.answered
    return loop, member


def places() -> list[TopicPartition]:
    return [TopicPartition(TOPIC, number) for number in (0, 1)]


def test_a_commit_that_kafka_does_not_know_yet_is_asked_for_again_and_is_not_absent() -> None:
    loop, member = loop_of(Answering([(7, None), (-1001, LOADING)], [(7, None), (8, None)]))
    assert [commit.offset for commit in loop._commits(member, places())] == [7, 8]


def test_a_commit_that_kafka_refuses_to_tell_ends_the_loop() -> None:
    loop, member = loop_of(Answering([(7, None), (-1001, REFUSED)]))
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        loop._commits(member, places())


def test_what_was_not_committed_of_a_partition_is_committed_the_next_time() -> None:
    consumer = Answering([(5, None), (5, LOADING)], [(5, None)])
    loop, member = loop_of(consumer)
    assert not loop._commit_next(member)
    consumer.poll()
    assert not loop._commit_next(member), "it is put off"
    assert not loop._commit_next(member)
    consumer.poll()
    assert loop._commit_next(member)
    assert consumer.asked == [[5, 5], [5]]
    assert set(member.committed.values()) == {Reached(5, 5)}


def test_a_partition_that_kafka_refuses_to_commit_ends_the_loop() -> None:
    consumer = Answering([(5, None), (5, REFUSED)])
    loop, member = loop_of(consumer)
    loop._commit_next(member)
    consumer.poll()
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        loop._commit_next(member)


def test_what_is_given_up_while_a_commit_is_under_way_is_committed_and_confirmed_to_nobody() -> None:
    consumer = Answering([(5, None)], [(5, None), (5, None)])
    loop, member = loop_of(consumer)
    loop._commit_next(member)
    earlier = consumer.committing
    loop._revoked(member, places()[:1])
    assert [(place.partition, place.offset) for place in consumer.committing] == [(0, 5)]
    assert consumer.unassigned == [0]
    consumer.poll()
    consumer.committing = earlier
    consumer.poll()
    assert member.committed == {Partition(TOPIC, 1): Reached(5, 5)}
    assert member.committer.is_answered(consumer)


@pytest.mark.parametrize(
    "code", [KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.REPLICA_NOT_AVAILABLE, KafkaError.KAFKA_STORAGE_ERROR]
)
def test_an_edge_of_the_log_that_its_leader_cannot_tell_yet_is_asked_for_again(code: int) -> None:
    answers = iter([code, None])

    def ask() -> str:
        if (error := next(answers)) is not None:
            raise KafkaException(KafkaError(error))
        return "told"

    loop, _ = loop_of(Answering())
    assert loop._asked(ask) == "told"

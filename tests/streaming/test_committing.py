"""What was sent to be committed, and what Kafka has confirmed of it: no call waits for an answer."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streaming.committing import Committer
from streaming.errors import Unavailable
from streaming.records import Partition
from streaming.stage import Reached

FIRST, SECOND = Partition("frames-live", 0), Partition("frames-live", 1)
LOADING = KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS)


class Client:
    """A consumer that keeps what it was given; `answers` tells whether Kafka answers other questions."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.sent: list[list[TopicPartition]] = []

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert asynchronous
        self.sent.append(offsets)

    def list_topics(self, *, timeout: float) -> Any:
        assert timeout > 0
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def committer(**settings: float) -> Committer:
    made = Committer(**settings)
    made.confirmed = {FIRST: Reached(-1, -1), SECOND: Reached(-1, -1)}
    return made


def answer(partition: Partition, error: KafkaError | None = None) -> Any:
    return SimpleNamespace(topic=partition.topic, partition=partition.number, error=error)


def test_what_was_sent_is_confirmed_by_its_answer_alone() -> None:
    client, made = Client(answers=True), committer()
    made.send(client, {FIRST: Reached(7, 9, "a note")})
    assert [(place.offset, place.metadata) for place in client.sent[0]] == [(7, "processed=9 a note")]
    assert not made.is_answered(client)
    assert made.confirmed[FIRST] == Reached(-1, -1)
    made.answered(None, [answer(FIRST)])
    assert made.is_answered(client)
    assert made.confirmed == {FIRST: Reached(7, 9, "a note"), SECOND: Reached(-1, -1)}


def test_of_two_partitions_the_one_that_is_refused_is_told_and_the_other_is_confirmed() -> None:
    client, made = Client(answers=True), committer()
    made.send(client, {FIRST: Reached(7, 7), SECOND: Reached(8, 8)})
    made.answered(None, [answer(FIRST), answer(SECOND, LOADING)])
    with pytest.raises(KafkaException, match="COORDINATOR_LOAD_IN_PROGRESS"):
        made.is_answered(client)
    assert made.is_answered(client), "it is told once"
    assert made.confirmed == {FIRST: Reached(7, 7), SECOND: Reached(-1, -1)}


def test_a_commit_that_is_refused_as_a_whole_confirms_nothing() -> None:
    client, made = Client(answers=True), committer()
    made.send(client, {FIRST: Reached(7, 7)})
    made.answered(LOADING, [answer(FIRST)])
    with pytest.raises(KafkaException):
        made.is_answered(client)
    assert made.confirmed[FIRST] == Reached(-1, -1)


def test_the_answer_of_a_partition_that_was_given_up_is_nobodys_also_when_it_has_come_back() -> None:
    client, made = Client(answers=True), committer()
    made.send(client, {FIRST: Reached(7, 7), SECOND: Reached(8, 8)})
    made.send(client, {FIRST: Reached(9, 9)})
    assert made.forget(FIRST)
    assert not made.forget(FIRST)
    made.answered(None, [answer(FIRST), answer(SECOND)])
    assert not made.is_answered(client), "the other one is still under way"
    made.confirmed[FIRST] = Reached(-1, -1)
    made.answered(None, [answer(FIRST)])
    assert made.is_answered(client)
    assert made.confirmed == {FIRST: Reached(-1, -1), SECOND: Reached(8, 8)}


def test_an_answer_that_does_not_come_is_told_and_one_that_comes_late_ends_that() -> None:
    client, made = Client(answers=False), committer(answer_seconds=0.0, lost_seconds=1000.0)
    made.send(client, {FIRST: Reached(7, 7)})
    for _ in range(3):
        with pytest.raises(Unavailable, match="not answered a commit"):
            made.is_answered(client)
    made.answered(None, [answer(FIRST)])
    assert made.is_answered(client)


@pytest.mark.parametrize(("answers", "error"), [(True, RuntimeError), (False, Unavailable)])
def test_who_waits_for_too_long_ends_if_kafka_answers_others(answers: bool, error: type[Exception]) -> None:
    client, made = Client(answers=answers), committer(answer_seconds=0.0, lost_seconds=0.0)
    made.send(client, {FIRST: Reached(7, 7)})
    with pytest.raises(error):
        made.is_answered(client)


def test_a_process_that_stood_still_has_not_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("streaming.committing.time.monotonic", lambda: now)
    client, made = Client(answers=True), committer(answer_seconds=5.0, lost_seconds=60.0)
    made.send(client, {FIRST: Reached(7, 7)})
    now += 3600.0
    with pytest.raises(Unavailable, match="in 5 s"):
        made.is_answered(client)

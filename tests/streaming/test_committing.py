"""A commit that the client never returns from holds up nobody for ever."""

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streaming.committing import Committer
from streaming.errors import Unavailable

PLACES = [TopicPartition("frames-live", 0, 7)]


class Client:
    """A consumer whose commits return when they are let; `answers` tells whether Kafka does."""

    def __init__(self, *, answers: bool) -> None:
        self.answers, self.let = answers, threading.Event()
        self.committed: list[int] = []
        self.refuses = False

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        assert not asynchronous
        assert self.let.wait(10)
        if self.refuses:
            raise KafkaException(KafkaError(KafkaError.NOT_COORDINATOR))
        self.committed.append(offsets[0].offset)
        return offsets

    def list_topics(self, *, timeout: float) -> Any:
        assert timeout > 0
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_a_commit_that_is_answered_late_is_waited_for_and_followed_by_the_next() -> None:
    client, committer = Client(answers=False), Committer(answer_seconds=0.02, lost_seconds=0.05)
    for _ in range(5):
        with pytest.raises(Unavailable, match="not answered a commit"):
            committer.commit(client, PLACES)
    client.let.set()
    assert committer.commit(client, [TopicPartition("frames-live", 0, 9)])[0].offset == 9
    assert client.committed == [7, 9]


def test_who_waits_while_kafka_answers_ends() -> None:
    client, committer = Client(answers=True), Committer(answer_seconds=0.02, lost_seconds=0.05)
    for _ in range(2):
        with pytest.raises(Unavailable):
            committer.commit(client, PLACES)
    with pytest.raises(RuntimeError, match="Kafka answers, and the client has not returned"):
        committer.commit(client, PLACES)
    client.let.set()


def test_what_is_refused_is_told_and_the_next_commit_is_another() -> None:
    client, committer = Client(answers=True), Committer(answer_seconds=5.0)
    client.let.set()
    client.refuses = True
    with pytest.raises(KafkaException, match="NOT_COORDINATOR"):
        committer.commit(client, PLACES)
    client.refuses = False
    committer.commit(client, PLACES)
    assert client.committed == [7]


def test_what_was_refused_late_does_not_hold_up_the_next_commit() -> None:
    client, committer = Client(answers=True), Committer(answer_seconds=0.05)
    client.refuses = True
    with pytest.raises(Unavailable):
        committer.commit(client, PLACES)
    client.let.set()
    with pytest.raises(KafkaException):  # of this one, which is refused too
        committer.commit(client, PLACES)
    client.refuses = False
    committer.commit(client, PLACES)
    assert client.committed == [7]

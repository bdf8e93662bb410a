"""What people are told of topics and groups, against a real broker."""

import uuid

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import Topic
from streaming.admin import create_topics
from streaming.commits import commit_metadata
from streaming.errors import Unavailable
from streaming.lag import Lag, Reading
from tests.streaming.conftest import topic

GROUP = "readers"


@pytest.fixture
def filled(kafka: str) -> Topic:
    """Give a topic of two partitions with three and four records."""
    made = topic(f"lag-{uuid.uuid4().hex[:8]}", 2)
    create_topics(kafka, [made])
    producer = Producer({"bootstrap.servers": kafka})
    for number in (0, 0, 0, 1, 1, 1, 1):
        producer.produce(made.name, b"x", partition=number)
    assert producer.flush(10) == 0
    return made


def commit(kafka: str, group: str, *places: TopicPartition) -> None:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group})
    consumer.commit(offsets=list(places), asynchronous=False)
    consumer.close()


def test_unread_counts_from_the_last_record_processed_not_from_the_commit(kafka: str, filled: Topic) -> None:
    commit(kafka, GROUP, TopicPartition(filled.name, 0, 1, commit_metadata(3)), TopicPartition(filled.name, 1, 1))
    reading = Reading(filled.name, GROUP)
    assert Lag(kafka).unread([reading]) == {reading: 0 + 3}


def test_a_group_that_never_committed_has_everything_unread(kafka: str, filled: Topic) -> None:
    reading = Reading(filled.name, f"new-{uuid.uuid4().hex}")
    assert Lag(kafka).unread([reading]) == {reading: 7}


def test_what_is_processed_while_kafka_is_asked_is_not_less_than_nothing(kafka: str, filled: Topic) -> None:
    commit(kafka, GROUP, TopicPartition(filled.name, 0, 5, commit_metadata(5)), TopicPartition(filled.name, 1, 3))
    reading = Reading(filled.name, GROUP)
    assert Lag(kafka).unread([reading]) == {reading: 0 + 1}


def test_brokers_and_what_a_topic_holds_are_told(kafka: str, filled: Topic) -> None:
    lag = Lag(kafka)
    assert lag.held([filled.name]) == {filled.name: 7}
    assert lag.brokers() == [kafka]


def test_a_broker_that_is_away_is_told_in_one_line() -> None:
    with pytest.raises(Unavailable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        Lag("127.0.0.1:1").held(["chunks"])

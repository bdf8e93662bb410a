"""Topics, made as `schemas.topics` says."""

import time
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import TOPICS, Topic
from streaming.clients import admin_settings
from streaming.errors import Unavailable


def create_topics(
    bootstrap: str, topics: Iterable[Topic] | None = None, *, replication: int = 1, timeout_seconds: float = 30.0
) -> None:
    """Create the topics that are missing and return when all can be used.

    Raises `Unavailable` when Kafka does not answer in time, and `ValueError` when a topic has another number of partitions:
    that number is fixed for a topic's life, since streams would move.
    """
    wanted = list(TOPICS.values() if topics is None else topics)
    admin = AdminClient(admin_settings(bootstrap))
    new = [NewTopic(t.name, num_partitions=t.partitions, replication_factor=replication, config=t.settings()) for t in wanted]
    for future in admin.create_topics(new, request_timeout=timeout_seconds).values():
        try:
            future.result(timeout_seconds)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Unavailable(f"Kafka at {bootstrap} did not create a topic: {error}") from error
    _await(admin, wanted, timeout_seconds)


def _await(admin: AdminClient, wanted: list[Topic], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while missing := _missing(admin, wanted, timeout_seconds):
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka does not show {', '.join(missing)} after {timeout_seconds} s")
        admin.poll(0.1)


def _missing(admin: AdminClient, wanted: list[Topic], timeout_seconds: float) -> list[str]:
    seen = admin.list_topics(timeout=timeout_seconds).topics
    for topic in wanted:
        if topic.name in seen and (have := len(seen[topic.name].partitions)) not in (0, topic.partitions):
            raise ValueError(f"topic {topic.name} has {have} partitions: it takes {topic.partitions}, fixed for its life")
    return [topic.name for topic in wanted if not (topic.name in seen and seen[topic.name].partitions)]

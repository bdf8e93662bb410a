"""One group goes on where another has stopped, with what its commits say."""

import time
import uuid
from contextlib import closing

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import EMBEDDINGS_BULK
from streaming import handover
from streaming.admin import create_topics
from streaming.clients import reader_settings
from streaming.commits import commit_metadata, note_of, processed_offset
from streaming.errors import Unavailable
from streaming.handover import ends_of, take_over

TOPIC = EMBEDDINGS_BULK.name


def test_a_group_goes_on_at_the_commits_of_another_with_their_notes_and_begins_where_there_is_none(kafka: str) -> None:
    create_topics(kafka)
    left, group = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("left", "group"))
    with closing(Consumer(reader_settings(kafka, "test", left))) as before:
        before.commit(offsets=[TopicPartition(TOPIC, 3, 0, commit_metadata(9, "frames=1,2@3"))], asynchronous=False)
    assert taken_over(kafka, group, left)
    with closing(Consumer(reader_settings(kafka, "test", group))) as after:
        places = [TopicPartition(TOPIC, number) for number in range(EMBEDDINGS_BULK.partitions)]
        committed = {place.partition: place for place in after.committed(places, timeout=10)}
    assert all(place.offset >= 0 for place in committed.values())
    there = committed[3]
    assert (there.offset, processed_offset(0, there.metadata), note_of(there.metadata)) == (0, 9, "frames=1,2@3")
    assert not take_over(kafka, TOPIC, group, left), "what was taken over once is forgotten"


def taken_over(kafka: str, group: str, left: str, seconds: float = 30.0) -> bool:
    """Ask until Kafka answers, as indexers do: partitions that were made a moment ago may have no leader yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return take_over(kafka, TOPIC, group, left)
        except Unavailable:
            if time.monotonic() > deadline:
                raise


def test_a_broker_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(Unavailable, match="does not tell the ends of topics"):
        ends_of("127.0.0.1:9", [TOPIC])
    with pytest.raises(Unavailable, match="cannot go on where left has stopped"):
        take_over("127.0.0.1:9", TOPIC, "group", "left")

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
from streaming.commits import commit_metadata, note_of
from streaming.errors import Unavailable
from streaming.handover import ends_of, take_over

TOPIC = EMBEDDINGS_BULK.name


def test_a_group_goes_back_to_the_commits_of_another_with_their_notes_and_never_forward(kafka: str) -> None:
    create_topics(kafka)
    left, group = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("left", "group"))
    commit(kafka, left, {0: (5, "left"), 1: (5, "left"), 3: (5, "left")})
    commit(kafka, group, {0: (9, "own"), 1: (2, "own"), 2: (4, "own")})
    assert taken_over(kafka, group, left)
    with closing(Consumer(reader_settings(kafka, "test", group))) as after:
        committed = after.committed([TopicPartition(TOPIC, number) for number in range(EMBEDDINGS_BULK.partitions)], timeout=10)
    found = {place.partition: (place.offset, note_of(place.metadata)) for place in committed}
    back, stays, never_filled, never_read = (found[number] for number in range(4))
    assert (back, stays) == ((5, "left"), (2, "own")), "who is behind has said nothing of the rest"
    assert never_filled == never_read == (0, ""), "who has no commit is at the log's beginning"
    assert all(place.offset >= 0 for place in committed)
    assert not take_over(kafka, TOPIC, group, left), "what was taken over once is forgotten"


def commit(kafka: str, group: str, places: dict[int, tuple[int, str]]) -> None:
    """Commit an offset and a note in some partitions."""
    offsets = [TopicPartition(TOPIC, number, offset, commit_metadata(offset, note)) for number, (offset, note) in places.items()]
    with closing(Consumer(reader_settings(kafka, "test", group))) as consumer:
        consumer.commit(offsets=offsets, asynchronous=False)


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

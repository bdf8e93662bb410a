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
from streaming.handover import back, ends_of, take_over

TOPIC = EMBEDDINGS_BULK.name


def place(offset: int, processed: int = 0, note: str = "", begun: tuple[int, ...] = ()) -> TopicPartition:
    """Return a commit; a negative offset is none."""
    return TopicPartition(TOPIC, 3, offset, commit_metadata(processed, note, begun) if offset >= 0 else "")


NONE = place(-1)
FIRST = 40


@pytest.mark.parametrize(
    ("own", "left", "begins"),
    [
        (place(90, 99, "own", (95,)), place(50, 60, "left", (55,)), place(50, 60, "left", (55, 95))),
        (place(50, 60, "own", (55,)), place(90, 99, "left", (95,)), place(50, 60, "own", (55, 95))),
        (place(50, 70, "own"), place(50, 60, "left"), place(50, 60, "left")),
        (place(50, 99, "own"), place(60, 70, "left"), place(50, 70, "own")),
        (NONE, place(50, 60, "left", (55,)), place(FIRST, 60, "", (55,))),
        (NONE, place(FIRST, FIRST, "left"), place(FIRST, FIRST, "left")),
        (place(50, 60, "own"), NONE, place(FIRST, FIRST)),
        (NONE, NONE, place(FIRST, FIRST)),
        (place(20, 30, "own"), place(50, 60, "left"), place(20, 60, "own")),
        (place(20, 45, "own"), place(50, 60, "left"), place(20, 45, "own")),
        (place(50, 60, "own"), place(20, 30, "left"), place(20, 30, "left")),
    ],
)
def test_a_group_goes_back_with_the_earlier_note_and_takes_for_new_what_is_new_to_either(
    own: TopicPartition, left: TopicPartition, begins: TopicPartition
) -> None:
    found = back(own, left, FIRST)
    assert (found.topic, found.partition, found.offset, found.metadata) == (TOPIC, 3, begins.offset, begins.metadata)


def test_a_group_takes_over_from_another_in_every_partition(kafka: str) -> None:
    create_topics(kafka)
    left, group = (f"{name}-{uuid.uuid4().hex[:8]}" for name in ("left", "group"))
    commit(kafka, left, {0: (5, "left"), 1: (5, "left"), 3: (5, "left")})
    commit(kafka, group, {0: (9, "own"), 1: (2, "own"), 2: (4, "own")})
    assert taken_over(kafka, group, left)
    with closing(Consumer(reader_settings(kafka, "test", group))) as after:
        committed = after.committed([TopicPartition(TOPIC, number) for number in range(EMBEDDINGS_BULK.partitions)], timeout=10)
    found = {one.partition: (one.offset, note_of(one.metadata)) for one in committed}
    assert [found[number] for number in range(4)] == [(5, "left"), (2, "own"), (0, ""), (0, "")]
    assert all(one.offset >= 0 for one in committed)
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
    with pytest.raises(Unavailable, match="group cannot take over from left"):
        take_over("127.0.0.1:9", TOPIC, "group", "left")

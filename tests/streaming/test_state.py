"""State topics: read whole, then followed."""

import time
import uuid
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from schemas.messages import Space, encode
from streaming.admin import create_topics
from streaming.errors import Unavailable
from streaming.state import Broadcast, StateTopic
from tests.streaming.conftest import await_that, topic


def space(number: int, dimension: int = 8) -> Space:
    return Space(space=f"m{number}@00000000", name=f"m{number}", dimension=dimension)


def test_a_state_topic_is_the_newest_message_of_each_key(kafka: str) -> None:
    name = topic(f"t-{uuid.uuid4().hex[:12]}", partitions=3, policy="compact")
    create_topics(kafka, [name])
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(30):
        producer.produce(name.name, encode(space(number)), f"m{number}", partition=number % 3)
    producer.produce(name.name, encode(space(3, 16)), "m3", partition=0)
    producer.produce(name.name, b"{not json", "m4", partition=1)
    producer.produce(name.name, None, "m5", partition=2)
    producer.flush()
    state = StateTopic(kafka, name, Space)
    state.read_to_end()
    assert set(state.values) == {f"m{number}" for number in range(30)} - {"m5"}
    assert state.values["m3"].dimension == 16
    assert state.values["m4"].dimension == 8, "what cannot be read leaves the last good message"
    assert state.partition_of["m7"] == 1

    version = state.version
    producer.produce(name.name, encode(space(99)), "m99", partition=2)
    producer.flush()
    await_that(lambda: [message.name for message in state.poll()] == ["m99"])
    assert state.version == version + 1
    state.close()


def test_a_message_under_a_key_that_is_not_its_own_is_left_out_and_ends_no_reader(kafka: str) -> None:
    name = replace(topic(f"t-{uuid.uuid4().hex[:12]}", partitions=1, policy="compact"), key="space")
    create_topics(kafka, [name])
    producer = Producer({"bootstrap.servers": kafka})
    for key in ("", "m2@00000000", "m1@00000000", b"\xff"):
        producer.produce(name.name, encode(space(1)), key)
    producer.flush()
    state = StateTopic(kafka, name, Space)
    assert state.read_to_end() == [space(1)]
    assert dict(state.values) == {"m1@00000000": space(1)}
    assert dict(state.partition_of) == {"m1@00000000": 0}
    state.close()


def test_reading_on_reaches_what_was_written_until_then_and_the_next_poll_tells_it(kafka: str) -> None:
    name = topic(f"t-{uuid.uuid4().hex[:12]}", partitions=5, policy="compact")
    create_topics(kafka, [name])
    state = StateTopic(kafka, name, Space)
    state.read_to_end()
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(20):
        producer.produce(name.name, encode(space(number)), f"m{number}", partition=number % 3)
        producer.flush()
        state.read_on(10.0)
        assert f"m{number}" in state.values
    assert [message.name for message in state.poll()] == [f"m{number}" for number in range(20)]
    assert state.poll() == []
    state.close()


def test_reading_on_says_so_when_kafka_is_away() -> None:
    state = StateTopic("127.0.0.1:1", topic("t-away", partitions=1, policy="compact"), Space)
    with pytest.raises(Unavailable, match="the ends of t-away are unknown"):
        state.read_on(0.2)
    state.close()


def test_an_empty_state_topic_is_read_to_its_end(kafka: str) -> None:
    name = topic(f"t-{uuid.uuid4().hex[:12]}", partitions=24, policy="compact")
    create_topics(kafka, [name])
    state = StateTopic(kafka, name, Space)
    state.read_to_end()
    assert not state.values
    state.close()


def test_a_broadcast_begins_now(kafka: str) -> None:
    name = topic(f"t-{uuid.uuid4().hex[:12]}", partitions=1)
    create_topics(kafka, [name])
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(name.name, encode(space(1)))
    producer.flush()
    broadcast = Broadcast(kafka, name, Space)
    seen: list[str] = []

    def heard() -> bool:
        producer.produce(name.name, encode(space(2)))
        producer.flush()
        seen.extend(message.name for message in broadcast.poll(0.2))
        return bool(seen)

    await_that(heard)
    assert set(seen) == {"m2"}
    broadcast.close()


def test_time_is_not_lost_where_nothing_changes(kafka: str) -> None:
    name = topic(f"t-{uuid.uuid4().hex[:12]}", partitions=1, policy="compact")
    create_topics(kafka, [name])
    state = StateTopic(kafka, name, Space)
    state.read_to_end()
    started = time.monotonic()
    for _ in range(100):
        state.poll()
    assert time.monotonic() - started < 5.0, "a poll must not wait"
    state.close()

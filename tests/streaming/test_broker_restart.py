"""A broker of its own that dies, falls silent and comes back: what is known of it follows."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from framebus.local.kafka import KafkaServer
from schemas.messages import Source
from schemas.topics import CHUNKS, SOURCES
from streaming.admin import create_topics
from streaming.backlog import Backlog
from streaming.errors import Unavailable
from streaming.metrics import UNAVAILABLE
from streaming.state import StateTopic
from tests.streaming.conftest import PARTITIONS, Bench, await_that

RECOVERY_SECONDS = 30.0
VALUES = [f"v{number}" for number in range(80)]


def answered(ask: Callable[[], int]) -> int:
    """Return the first answer within the time that recovery may take."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return ask()
        except Unavailable:
            assert time.monotonic() < deadline, "no answer from a broker that has been back for long"
            time.sleep(0.1)


def test_a_backlog_is_known_again_after_the_broker_was_killed(broker: KafkaServer) -> None:
    """The leaders' epochs are higher then, and an admin client that asks with the old ones is refused for ever."""
    create_topics(broker.address, [CHUNKS])
    backlog = Backlog(broker.address, CHUNKS.name, ["readers"], refresh_seconds=0)
    assert answered(backlog.unread) == 0

    broker.child.kill()
    broker.start()
    assert answered(backlog.unread) == 0
    backlog.close()


def test_a_state_topic_says_that_the_broker_has_gone_or_fallen_silent_and_is_back(broker: KafkaServer) -> None:
    """A backlog is known again too: a broker that was silent for long has been shut out of its own cluster."""
    create_topics(broker.address, [SOURCES, CHUNKS])
    backlog = Backlog(broker.address, CHUNKS.name, ["readers"], refresh_seconds=0)
    topic = StateTopic(broker.address, SOURCES, Source)
    assert not topic.is_followed()
    topic.read_to_end()
    assert topic.is_followed()

    def is_followed() -> bool:
        topic.poll()
        return topic.is_followed()

    broker.child.kill()
    await_that(lambda: not is_followed())
    broker.start()
    await_that(is_followed)

    os.kill(broker.child.pid, signal.SIGSTOP)
    await_that(lambda: not is_followed(), RECOVERY_SECONDS)
    os.kill(broker.child.pid, signal.SIGCONT)
    await_that(is_followed)
    assert answered(backlog.unread) == 0
    topic.close()
    backlog.close()


def test_a_loop_that_gets_no_answer_to_a_commit_goes_on_turning_and_ends_in_time(
    broker: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streaming.loop.STOP_SECONDS", 1.0)
    monkeypatch.setattr("streaming.loop.LEAVE_SECONDS", 1.0)
    bench = Bench(broker.address)
    bench.write(VALUES)
    loop = bench.loop(held=10).start()
    await_that(lambda: {place.offset for place in bench.committed()} == {len(VALUES) // PARTITIONS - 10})
    turns = 0

    def step() -> bool:
        nonlocal turns
        turns += 1
        return False

    loop.stage.on_step = step
    os.kill(broker.child.pid, signal.SIGSTOP)
    try:
        loop.stage.held = 0
        await_that(lambda: loop.metrics.of(UNAVAILABLE)._value.get() > 0)
        assert turns > 50, "it turned while the answer was waited for"
        began = time.monotonic()
        loop.stop()
        assert time.monotonic() - began < 5.0
    finally:
        os.kill(broker.child.pid, signal.SIGCONT)
    second = bench.loop().start()
    await_that(lambda: len(second.stage.next) == PARTITIONS)
    second.stop()
    assert set(bench.copies()) == set(VALUES)


def test_a_state_topic_that_nobody_polls_is_not_followed_for_long(broker: KafkaServer) -> None:
    create_topics(broker.address, [SOURCES])
    topic = StateTopic(broker.address, SOURCES, Source)
    topic.read_to_end()
    await_that(lambda: not topic.is_followed(), RECOVERY_SECONDS)
    topic.poll()
    assert topic.is_followed()
    topic.close()

"""A topic that keeps less than may lie unread is complained about, with what to do."""

import uuid
from dataclasses import replace

import pytest

from schemas.topics import HOUR_MS
from streaming.admin import create_topics
from streaming.retention import Kept, Unread, complaints, kept
from tests.streaming.conftest import topic

UNREAD = Unread(1000, 20_000, "FRAMEBUS_SOME_BOUND")


@pytest.mark.parametrize("enough", [Kept(), Kept(HOUR_MS, None), Kept(HOUR_MS, 20_000_000)])
def test_what_keeps_all_that_may_lie_unread_for_an_hour_is_enough(enough: Kept) -> None:
    assert complaints("t", enough, UNREAD) == []


def test_too_little_is_said_with_the_rule_and_the_way_out() -> None:
    (size,) = complaints("t", Kept(HOUR_MS, 19_999_999), UNREAD)
    assert "t keeps 19999999 bytes of a partition" in size
    assert "set it to 20000000 or more, or lower FRAMEBUS_SOME_BOUND" in size
    (time,) = complaints("t", Kept(HOUR_MS - 1, None), UNREAD)
    assert "t keeps records for 3599999 ms" in time
    assert len(complaints("t", Kept(1, 1), UNREAD)) == 2


def test_a_topic_with_the_brokers_own_times_is_complained_about() -> None:
    (told,) = complaints("t", Kept(times="LogAppendTime"), UNREAD)
    assert "message.timestamp.type=LogAppendTime" in told
    assert told.endswith("set it to CreateTime")


def test_what_a_topic_keeps_is_asked_of_the_broker(kafka: str) -> None:
    made = replace(topic(f"t-{uuid.uuid4().hex[:12]}"), retention_ms=12_345)
    create_topics(kafka, [made])
    assert kept(kafka, made.name) == Kept(12_345, None)

"""The producer: limits, partitions that every client agrees on, and who is blamed for bad records."""

import time

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from schemas.limits import PAYLOAD_LIMIT_BYTES
from streaming.clients import producer_settings
from streaming.errors import FuseBlown
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.rejections import Budget, Fuse
from tests.streaming.conftest import Bench


def test_a_value_over_the_limit_is_refused_where_it_is_produced(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    with pytest.raises(ValueError, match="at most 900000"):
        outbox.send(bench.out, bytes(PAYLOAD_LIMIT_BYTES + 1), key="k", headers=[])


def test_delivery_is_told_with_its_offset(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    places: list[tuple[int, int]] = []
    for _ in range(3):
        outbox.send(bench.out, b"v", key="k", headers=[], on_delivered=lambda *place: places.append(place))
    outbox.flush(10)
    assert places == [(0, 0), (0, 1), (0, 2)]


def test_a_record_with_the_earliest_time_does_not_get_the_time_of_now(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    for timestamp_ms in (0, 5):
        outbox.send(bench.out, b"v", key="k", headers=[], timestamp_ms=timestamp_ms)
    outbox.flush(10)
    assert [message.timestamp()[1] for message in bench.read(bench.out)] == [1, 5]  # type: ignore[attr-defined]


def test_a_clock_that_is_ahead_of_the_brokers_is_named(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    outbox.send(bench.out, b"v", key="k", headers=[], timestamp_ms=int(1000 * (time.time() + 7200)))
    with pytest.raises(RuntimeError, match=r"Invalid timestamp.* set the clocks of both machines"):
        outbox.flush(20)


def test_our_partitioner_is_the_one_of_every_java_client(bench: Bench) -> None:
    placed: dict[str, int | None] = {}
    producer = Producer(producer_settings(bench.bootstrap, "test"))
    keys = [f"cam-{number}/1/c{number % 7}" for number in range(20)]
    for key in keys:
        producer.produce(
            bench.source, b"v", key, on_delivery=lambda _, sent: placed.update({(sent.key() or b"").decode(): sent.partition()})
        )
    assert producer.flush(10) == 0
    choose = DefaultPartitioner()
    assert placed == {key: choose(key.encode(), [0, 1, 2, 3], [0, 1, 2, 3]) for key in keys}


def refused(bench: Bench, number: int, **headers: str) -> Record:
    raw = [("source_id", f"cam-{number}".encode()), *((name, text.encode()) for name, text in headers.items())]
    return Record(Partition(bench.source, 0), number, None, b"rubbish", raw, 0)


def test_rubbish_from_many_strangers_stops_nobody_but_our_own_does(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    for number in range(500):
        outbox.reject(refused(bench, number), "no JPEG")
    for number in range(63):
        outbox.reject(refused(bench, number, life="1"), "no JPEG")
    outbox.flush(20)
    outbox.reject(refused(bench, 64, life="1"), "no JPEG")
    with pytest.raises(FuseBlown, match="no JPEG"):
        outbox.flush(20)


def test_what_goes_through_after_much_that_was_refused_at_once_keeps_the_process_going(bench: Bench) -> None:
    outbox = Outbox(bench.bootstrap, "test", Metrics())
    for number in range(200):
        outbox.reject(refused(bench, number, life="1"), "no JPEG")
    outbox.accepted()
    outbox.flush(20)


def test_of_a_source_that_sends_rubbish_a_share_is_kept() -> None:
    budget = Budget(per_minute=60)
    assert sum(budget.keeps("cam-1", 0.0) for _ in range(1000)) == 60
    assert sum(budget.keeps("cam-1", 10.0) for _ in range(1000)) == 10
    assert budget.keeps("cam-2", 10.0)


def test_the_fuse_does_not_judge_a_single_sender() -> None:
    fuse = Fuse()
    for _ in range(10_000):
        fuse.failed("cam-1", "rubbish")
        fuse.judge()


def test_the_fuse_blows_when_everybody_fails_and_says_why() -> None:
    fuse = Fuse(sources=3, records=6)
    for number in range(5):
        fuse.failed(f"cam-{number % 3}", "no picture")
        fuse.judge()
    fuse.failed("cam-2", "no model")
    with pytest.raises(FuseBlown, match="the last reason: no model"):
        fuse.judge()


@given(st.lists(st.integers(0, 20), min_size=1, max_size=300))
def test_the_fuse_never_blows_while_something_goes_through(sources: list[int]) -> None:
    fuse = Fuse(sources=3, records=10)
    for number, source in enumerate(sources):
        if number % 9 == 8:
            fuse.succeeded()
        fuse.failed(f"cam-{source}", "bad")
        fuse.judge()

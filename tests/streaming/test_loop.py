"""The loop on a real broker: what is committed was done, and what was not committed is done again."""

import threading
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from schemas.messages import Recut, decode
from schemas.topics import RECUT
from streaming.backlog import Backlog
from streaming.clients import member_settings
from streaming.commits import processed_offset
from streaming.errors import Stopped, Unavailable
from streaming.metrics import LOST
from streaming.records import Partition
from streaming.stage import Start
from tests.streaming.conftest import PARTITIONS, Bench, Running, await_that

JOINED_SECONDS = 3.0
POLL_MS = 1500
VALUES = [f"v{number}" for number in range(200)]


def test_every_record_is_copied_once_and_committed(bench: Bench) -> None:
    bench.write(VALUES)
    loop = bench.loop().start()
    await_that(lambda: len(loop.stage.copied) == len(VALUES))
    loop.stop()
    assert sorted(bench.copies()) == sorted(VALUES)
    assert [place.offset for place in bench.committed()] == [len(VALUES) // PARTITIONS] * PARTITIONS


def test_a_crash_between_flush_and_commit_repeats_but_never_loses(bench: Bench) -> None:
    def crash() -> None:
        if len(first.stage.copied) >= 50:
            first.stage.outbox.flush()
            raise RuntimeError("killed here")

    bench.write(VALUES)
    first = bench.loop()
    first.stage.on_settle = crash
    first.start()
    await_that(lambda: not first.alive())
    assert "killed here" in str(first.failure)
    second = bench.loop().start()
    await_that(lambda: len(second.stage.copied) == len(VALUES))
    second.stop()
    assert set(bench.copies()) == set(VALUES)
    assert len(bench.copies()) > len(VALUES), "this crash repeats"


def test_a_window_is_read_again_after_a_stop(bench: Bench) -> None:
    bench.write(VALUES)
    first = bench.loop(held=10).start()
    await_that(lambda: len(first.stage.copied) == len(VALUES))
    first.stop()
    second = bench.loop(held=10).start()
    await_that(lambda: len(second.stage.copied) == 10 * PARTITIONS)
    each = len(VALUES) // PARTITIONS
    assert {(start.resumed, start.note) for start in first.stage.begun} == {(False, "")}
    assert {(start.offset, start.resumed, start.note) for start in second.stage.begun} == {(each - 10, True, f"10 before {each}")}


def test_partitions_that_are_added_are_read_before_the_client_knows_of_them(bench: Bench) -> None:
    bench.write(VALUES)
    loop = bench.loop().start()
    await_that(lambda: len(loop.stage.copied) == len(VALUES))
    admin = AdminClient({"bootstrap.servers": bench.bootstrap})
    admin.create_partitions([NewPartitions(bench.source, 2 * PARTITIONS)])[bench.source].result(30)
    await_that(lambda: len(loop.stage.begun) == 2 * PARTITIONS or not loop.alive())
    assert loop.alive(), loop.failure
    loop.stop()


def test_a_dependency_that_is_away_is_waited_for_inside_the_group(bench: Bench) -> None:
    failures = iter(range(4))

    def settle() -> None:
        if next(failures, None) is not None:
            raise Unavailable("the vector store is away")

    bench.write(VALUES)
    loop = bench.loop()
    loop.stage.on_settle = settle
    loop.start()
    await_that(lambda: [place.offset for place in bench.committed()] == [len(VALUES) // PARTITIONS] * PARTITIONS)
    assert len(loop.stage.begun) == PARTITIONS, "it never left the group"
    loop.stop()
    assert sorted(bench.copies()) == sorted(VALUES)


def test_a_dependency_that_is_away_for_longer_than_the_poll_interval_costs_no_partition(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = {"max.poll.interval.ms": POLL_MS}
    monkeypatch.setattr("streaming.loop.member_settings", lambda *named: {**member_settings(*named), **impatient})
    away_until = 0.0

    def settle() -> None:
        if time.monotonic() < away_until:
            raise Unavailable("the vector store is away")

    loop = bench.loop()
    loop.stage.on_settle = settle
    loop.start()
    await_that(lambda: len(loop.stage.next) == PARTITIONS)
    away_until = time.monotonic() + 3 * POLL_MS / 1000
    bench.write(VALUES)
    await_that(lambda: [place.offset for place in bench.committed()] == [len(VALUES) // PARTITIONS] * PARTITIONS)
    assert time.monotonic() > away_until
    assert (len(loop.stage.begun), loop.stage.forgotten) == (PARTITIONS, []), "it kept its partitions"
    loop.stop()
    assert sorted(bench.copies()) == sorted(VALUES)


def test_a_stage_that_may_write_nothing_more_ends_the_loop_and_nothing_is_committed(bench: Bench) -> None:
    def settle() -> None:
        if loop.stage.copied:
            raise Stopped

    bench.write(VALUES)
    loop = bench.loop()
    loop.stage.on_settle = settle
    loop.start()
    await_that(lambda: not loop.alive())
    assert loop.failure is None
    assert all(place.offset <= 0 for place in bench.committed())


def test_an_invalid_record_goes_to_the_dead_letters_alone_with_its_reason(bench: Bench) -> None:
    bench.write(["v0", "bad1", "v2"], source_id="cam-1", note="kept")
    loop = bench.loop().start()
    await_that(lambda: len(loop.stage.copied) == 2)
    loop.stop()
    (letter,) = bench.read(f"{bench.source}.dlq")
    headers = {name: value.decode() for name, value in letter.headers()}  # type: ignore[attr-defined]
    assert letter.value() == b"bad1"  # type: ignore[attr-defined]
    assert headers["dlq_reason"] == "value b'bad1' is bad"
    assert (headers["dlq_service"], headers["dlq_topic"], headers["dlq_partition"]) == ("copy", bench.source, "1")
    assert (headers["source_id"], headers["note"]) == ("cam-1", "kept")


def test_two_members_share_the_partitions_and_nothing_is_lost_when_one_leaves(bench: Bench) -> None:
    first = bench.loop().start()
    await_that(lambda: len(first.stage.next) == PARTITIONS)
    second = bench.loop().start()
    await_that(lambda: len(first.stage.next) == len(second.stage.next) == PARTITIONS // 2)
    assert len(first.stage.begun) == PARTITIONS, "kept partitions are not given again"
    bench.write(VALUES)
    await_that(lambda: len(first.stage.copied) + len(second.stage.copied) == len(VALUES))
    second.stop()
    await_that(lambda: len(first.stage.next) == PARTITIONS)
    bench.write(["last"] * PARTITIONS)
    await_that(lambda: len(first.stage.copied) + len(second.stage.copied) == len(VALUES) + PARTITIONS)
    first.stop()
    assert sorted(bench.copies()) == sorted([*VALUES, *["last"] * PARTITIONS])


def test_what_is_given_up_is_committed_before_its_next_owner_begins(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.loop.COMMIT_INTERVAL_SECONDS", 3600.0)
    bench.write(VALUES)
    first = bench.loop().start()
    await_that(lambda: len(first.stage.copied) == len(VALUES))
    second = bench.loop().start()
    await_that(lambda: len(second.stage.next) == PARTITIONS // 2)
    assert {start.offset for start in second.stage.begun} == {len(VALUES) // PARTITIONS}
    second.stop()
    first.stop()
    assert sorted(bench.copies()) == sorted(VALUES)


def turning(loop: Running) -> Callable[[int], None]:
    """Count a loop's turns; return what waits for more than so many."""
    turns = 0

    def step() -> bool:
        nonlocal turns
        turns += 1
        return False

    def wait_for(more: int) -> None:
        seen = turns
        await_that(lambda: turns > seen + more)

    loop.stage.on_step = step
    return wait_for


def test_partitions_that_were_taken_while_nothing_was_wanted_are_read_when_they_come_back(bench: Bench) -> None:
    first = bench.loop()
    turn = turning(first)
    first.start()
    await_that(lambda: len(first.stage.next) == PARTITIONS)
    bench.write(VALUES[:PARTITIONS])
    await_that(lambda: len(first.stage.copied) == PARTITIONS)
    first.stage.reading = False
    turn(5)
    second = bench.loop().start()
    await_that(lambda: len(first.stage.next) == len(second.stage.next) == PARTITIONS // 2)
    first.stage.reading = True
    turn(5)
    second.stop()
    await_that(lambda: len(first.stage.next) == PARTITIONS)
    bench.write(VALUES)
    await_that(lambda: len(first.stage.copied) + len(second.stage.copied) == PARTITIONS + len(VALUES))
    first.stop()


def test_a_stage_that_wants_nothing_is_left_alone_and_then_continues(bench: Bench) -> None:
    loop = bench.loop()
    loop.stage.reading = False
    turn = turning(loop)
    loop.start()
    await_that(lambda: len(loop.stage.next) == PARTITIONS)
    bench.write(VALUES)
    turn(20)
    assert loop.stage.copied == []
    loop.stage.reading = True
    await_that(lambda: len(loop.stage.copied) == len(VALUES))


def test_a_commit_that_has_left_the_log_is_told_and_asked_for_again(bench: Bench) -> None:
    bench.write(VALUES[:40])
    first = bench.loop().start()
    await_that(lambda: len(first.stage.copied) == 40)
    first.stop()
    bench.write(VALUES)
    gone = TopicPartition(bench.source, 1, 35)
    admin = AdminClient({"bootstrap.servers": bench.bootstrap})
    admin.delete_records([gone])[gone].result(10)
    second = bench.loop().start()
    await_that(lambda: len(second.stage.copied) == len(VALUES) - 25)
    (start,) = [start for start in second.stage.begun if start.partition.number == 1]
    assert start == Start(Partition(bench.source, 1), 35, note="0 before 10", cut=True, processed=10)
    assert b"framebus_lost_records_total" in second.metrics.text()
    second.stop()
    asked = [decode(message.value(), Recut) for message in bench.read(RECUT.name)]  # type: ignore[attr-defined]
    (ours,) = (recut for recut in asked if recut.topic == bench.source)
    assert (ours.partition, ours.first_offset, ours.last_offset) == (1, 10, 34)
    assert time.time_ns() // 1_000_000 - 60_000 < ours.at_ms <= time.time_ns() // 1_000_000


def test_a_log_that_has_lost_its_end_is_told_and_what_is_written_then_is_read(bench: Bench) -> None:
    bench.write(VALUES[:40])
    consumer = Consumer({"bootstrap.servers": bench.bootstrap, "group.id": bench.group})
    consumer.commit(offsets=[TopicPartition(bench.source, 1, 25, "processed=27 a note")], asynchronous=False)
    consumer.close()
    loop = bench.loop().start()
    await_that(lambda: [place.offset for place in bench.committed()] == [10] * PARTITIONS or not loop.alive())
    assert loop.alive(), loop.failure
    bench.write(VALUES)
    await_that(lambda: len(loop.stage.copied) == 30 + len(VALUES))
    loop.stop()
    (start,) = [start for start in loop.stage.begun if start.partition.number == 1]
    assert start == Start(Partition(bench.source, 1), 10, resumed=True, note="a note", cut=True)
    assert int(loop.metrics.of(LOST).labels(bench.source)._value.get()) == 17
    asked = [decode(message.value(), Recut) for message in bench.read(RECUT.name)]  # type: ignore[attr-defined]
    (ours,) = (recut for recut in asked if recut.topic == bench.source)
    assert (ours.partition, ours.first_offset, ours.last_offset) == (1, 10, 26)


def test_unread_counts_from_what_was_processed_not_from_what_a_window_holds(bench: Bench, kafka: str) -> None:
    bench.write(VALUES)
    loop, each = bench.loop(held=30).start(), len(VALUES) // PARTITIONS
    await_that(lambda: {place.metadata for place in bench.committed()} == {f"processed={each} 30 before {each}"})
    loop.stop()
    assert {place.offset for place in bench.committed()} == {each - 30}
    for place in bench.committed():
        assert processed_offset(place.offset, place.metadata) == each


def test_a_topic_without_commits_is_wholly_unread(kafka: str) -> None:
    backlog = Backlog(kafka, RECUT.name, ["framebus-test-nobody"])
    admin = AdminClient({"bootstrap.servers": kafka})
    assert RECUT.name in admin.list_topics(timeout=10).topics
    assert backlog.unread() >= 0
    backlog.close()


def test_a_failure_before_the_partitions_were_taken_ends_the_loop(bench: Bench) -> None:
    """They come while the consumer is being closed, when Kafka answers no question about commits any more."""

    def fail() -> bool:
        time.sleep(JOINED_SECONDS)  # the group has answered by then, and nobody has polled for it
        raise RuntimeError("failed at once")

    loop = bench.loop()
    loop.stage.on_step = fail
    loop.start()
    await_that(lambda: not loop.alive(), 20)
    assert "failed at once" in str(loop.failure)


def test_a_member_that_is_asked_to_stop_while_nobody_leads_its_partition_ends_in_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    def no_leader(*_: object) -> tuple[int, int]:
        asked.set()
        raise KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION))

    monkeypatch.setattr("streaming.loop.edges", no_leader)
    loop = bench.loop().start()
    assert asked.wait(30)
    loop.stop()
    assert loop.failure is None

"""Indexers as processes: embeddings in, the offline rows in Milvus out, whoever dies."""

import contextlib
import os
import random
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from framebus.local.milvus import MilvusServer
from schemas.errors import InvalidMessage
from schemas.groups import Lane
from schemas.messages import ChunkStatus, Recut, SourceRequest, Space, decode
from schemas.topics import CHUNK_STATUS, RECUT, SOURCE_REQUESTS, SPACES
from schemas.topics import LANES as LANES_OF
from services.indexer.core.entry import Entry
from services.indexer.core.partition import PartitionIndex
from services.indexer.core.settings import Smoothing
from tests.indexer.made_logs import made_log, record, unit
from tests.indexer.offline import Ends, Rows, offline
from tests.indexer.service import Bench, as_stored, await_that, kill_now_and_then

LANES: tuple[Lane, ...] = ("bulk", "live")


@pytest.fixture
def bench(kafka: str, milvus: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka, milvus, tmp_path)
    yield made
    made.stop()


def logs_of(bench: Bench, seeds: range, captured_ms: int = -1, name: str = "p") -> dict[int, list[Entry]]:
    """Make a log for each of several partitions, and its sources known; who removes one gives them a `name` of their own."""
    logs = {}
    for partition, seed in enumerate(seeds):
        made = made_log(seed, prefix=f"{name}{partition}-")
        logs[partition] = [
            replace(entry, headers=msgspec.structs.replace(entry.headers, captured_ms=captured_ms)) for entry in made
        ]
        for source_id in {entry.headers.source_id for entry in logs[partition]}:
            bench.source(source_id, "camera")
    return logs


def expected_of(logs: dict[int, list[Entry]]) -> tuple[Rows, Ends]:
    rows: Rows = {}
    ends: Ends = {}
    for log in logs.values():
        some_rows, some_ends = offline([as_stored(entry) for entry in log], Smoothing())
        rows |= some_rows
        ends |= some_ends
    return rows, ends


def held_records(logs: dict[int, list[Entry]]) -> int:
    """Count the records that open runs hold back for good at the end of these logs."""
    held = 0
    for log in logs.values():
        index = PartitionIndex(Smoothing(), log[0].offset, resumed=False)
        for entry in log:
            with contextlib.suppress(InvalidMessage):
                index.feed(entry)
        index.drain()
        held += sum(entry.offset >= index.safe_offset() for entry in log)
    return held


def await_rows(bench: Bench, lane: Lane, logs: dict[int, list[Entry]], rows: int) -> None:
    """Wait until as many rows are there, and everything that can be committed is."""
    held = held_records(logs)
    await_that(lambda: bench.count() >= rows, what="all rows")
    await_that(lambda: bench.unread(lane) <= held, what="the commit")


def faults(rows: Rows, expected: Rows) -> dict[str, int]:
    return {
        "missing": len(expected.keys() - rows.keys()),
        "extra": len(rows.keys() - expected.keys()),
        "wrong": sum(np.abs(rows[key] - expected[key]).max() > 1e-6 for key in expected.keys() & rows.keys()),
    }


NONE = {"missing": 0, "extra": 0, "wrong": 0}


def chunks_done(bench: Bench) -> Ends:
    done: Ends = {}
    for message in bench.read(CHUNK_STATUS.name):
        status = decode(message.value(), ChunkStatus)
        if status.space == bench.space:
            done[status.stream] = (status.rows, status.last_t_ms)
    return done


def asked_again(bench: Bench, prefix: str) -> set[str | None]:
    """Return the sources whose chunks were asked for again."""
    recuts = [decode(message.value(), Recut) for message in bench.read(RECUT.name)]
    return {recut.source_id for recut in recuts if (recut.source_id or "").startswith(prefix)}


def not_whole(logs: dict[int, list[Entry]], ends: Ends) -> set[str]:
    """Return the sources that have a chunk which ended and did not come whole."""
    ended = {entry.headers.stream for log in logs.values() for entry in log if entry.headers.mark == "stream_end"}
    return {stream.partition("/")[0] for stream in ended - ends.keys()}


@pytest.mark.parametrize("lane", LANES)
def test_embeddings_become_the_offline_rows_and_all_is_committed_at_a_stop(bench: Bench, lane: Lane) -> None:
    logs = logs_of(bench, range(20, 24), name=f"first-{lane}-")
    expected, ends = expected_of(logs)
    for partition, log in logs.items():
        bench.write(lane, partition, log)
    indexer = bench.indexer(lane)
    await_rows(bench, lane, logs, len(expected))
    assert indexer.stop() == 0, indexer.log.read_text()
    assert faults(bench.rows(), expected) == NONE
    if lane == "bulk":
        assert chunks_done(bench) == ends
        assert asked_again(bench, "first-bulk-") == not_whole(logs, ends) != set()


@pytest.mark.parametrize("lane", LANES)
def test_kills_at_any_moment_lose_falsify_and_add_no_row(bench: Bench, lane: Lane) -> None:
    logs = logs_of(bench, range(20, 28), captured_ms=int(time.time() * 1000))  # fresh: of cameras also provisional rows
    expected, _ = expected_of(logs)
    indexers = [bench.indexer(lane), bench.indexer(lane)]
    dice = random.Random(5)
    waiting = {partition: list(log) for partition, log in logs.items()}
    for _ in range(3):
        for partition, log in waiting.items():
            part, waiting[partition] = log[: len(logs[partition]) // 3 + 1], log[len(logs[partition]) // 3 + 1 :]
            bench.write(lane, partition, part)
        kill_now_and_then(indexers, dice, kills=1, gap_seconds=(0.8, 3.0))
    await_rows(bench, lane, logs, len(expected))
    assert [indexer.stop() for indexer in indexers] == [0, 0]
    assert faults(bench.rows(), expected) == NONE


def dead_letters(bench: Bench, lane: Lane, *sources: str) -> list[tuple[str, str]]:
    """Return source and reason of the dead letters of these sources, in order."""
    letters = []
    for message in bench.read(LANES_OF[lane][1].dlq):
        raw: Any = message.headers()
        headers = {name: bytes(value).decode() for name, value in raw}
        if headers.get("source_id") in sources:
            letters.append((headers["source_id"], headers["dlq_reason"]))
    return letters


def alone(source_id: str, t_ms: int, *, life: int | None = None) -> Entry:
    entry = record(source_id, t_ms, unit(np.random.default_rng(t_ms)))
    return replace(entry, headers=msgspec.structs.replace(entry.headers, life=life))


def test_what_can_never_be_indexed_is_a_dead_letter_and_delays_nothing(bench: Bench) -> None:
    bench.source("known", "push", life=2, began_ms=1)
    other = f"other-{uuid.uuid4().hex[:6]}@12345678"
    bench.say(SPACES.name, other, Space(space=other, name="other", dimension=3))
    good = [alone("known", t_ms, life=2) for t_ms in range(20)]
    bench.write("bulk", 3, good[:10])
    bench.write("bulk", 3, [replace(alone("known", 100), vector=None), alone("nobody", 5)])
    bench.write("bulk", 3, [alone("known", 101, life=1)])
    bench.write("bulk", 3, [alone("known", 102)], space="never-said@00000000")
    bench.write("bulk", 3, [alone("known", 103)], space=other)
    bench.write("bulk", 3, good[10:])
    indexer = bench.indexer("bulk")
    await_that(lambda: bench.count() >= 20, what="the good rows")
    await_that(lambda: bench.unread("bulk") == 0, what="the commit")
    assert indexer.stop() == 0
    assert {(life, t_ms) for _, life, t_ms in bench.rows()} == {(2, t_ms) for t_ms in range(20)}
    reasons = dead_letters(bench, "bulk", "known", "nobody")
    assert [source for source, _ in reasons] == ["known", "nobody", "known"]
    assert "value has 1 bytes: 8 float16 numbers take 16" in reasons[0][1]
    assert "FRAMEBUS_AUTO_REGISTER=1" in reasons[1][1]
    assert "space 'never-said@00000000' is not known" in reasons[2][1]


def test_an_unknown_sender_is_indexed_and_registered_once_where_that_is_allowed(bench: Bench) -> None:
    sender = f"sender-{uuid.uuid4().hex[:6]}"
    bench.write("live", 1, [alone(sender, t_ms) for t_ms in range(5)])
    indexer = bench.indexer("live", FRAMEBUS_AUTO_REGISTER="1")
    await_that(lambda: bench.count() >= 5, what="its rows")
    await_that(lambda: bench.unread("live") == 0, what="the commit")
    assert indexer.stop() == 0
    asked = [decode(message.value(), SourceRequest) for message in bench.read(SOURCE_REQUESTS.name)]
    assert [(request.reason, request.source_id) for request in asked if request.source_id == sender] == [("unknown_id", sender)]


def test_a_removed_source_loses_its_rows_and_late_records_do_not_bring_them_back(bench: Bench) -> None:
    for source_id in ("gone", "stays"):
        bench.source(source_id, "push")
        bench.write("bulk", 2, [alone(source_id, t_ms, life=1) for t_ms in range(50)])
    indexer = bench.indexer("bulk")
    await_that(lambda: bench.count() == 100, what="the rows")
    bench.source("gone", "push", wanted="removed")
    await_that(lambda: bench.count() == 50, what="the removal")
    bench.write("bulk", 2, [alone("gone", t_ms, life=1) for t_ms in range(50, 60)])
    bench.source("gone", "push", life=2, began_ms=1)
    bench.write("bulk", 2, [alone("gone", 7, life=2)])
    await_that(lambda: ("gone", 2, 7) in bench.rows(), what="the new life")
    indexer.kill()
    bench.source("stays", "push", wanted="removed")
    indexer.start()
    await_that(lambda: set(bench.rows()) == {("gone", 2, 7)}, what="the removal at a start")
    assert indexer.stop() == 0


def test_rows_of_a_camera_go_when_they_are_too_old_and_those_of_others_stay(bench: Bench) -> None:
    bench.source("watched", "camera")
    bench.source("sent", "push")
    now_ms = int(time.time() * 1000)
    for source_id in ("watched", "sent"):
        bench.write("live", 5, [alone(source_id, now_ms - minutes * 60_000) for minutes in (0, 20, 60)])
    first = bench.indexer("live")
    await_that(lambda: bench.count() == 6, what="the rows")
    assert first.stop() == 0
    second = bench.indexer("live", FRAMEBUS_INDEXER_CAMERA_DAYS=str(40 / 24 / 60))
    await_that(lambda: bench.count() == 5, what="the deletion")
    assert ("watched", 1, now_ms - 60 * 60_000) not in bench.rows()
    assert second.stop() == 0


@pytest.mark.parametrize("lane", LANES)
def test_milvus_may_die_and_return_while_rows_wait_in_their_group(bench: Bench, milvus_server: MilvusServer, lane: Lane) -> None:
    bench.source("patient", "push")
    indexer = bench.indexer(lane)
    bench.write(lane, 4, [alone("patient", t_ms) for t_ms in range(50)])
    await_that(lambda: bench.count() == 50, what="the first rows")
    os.kill(milvus_server.server_pid, signal.SIGKILL)
    bench.write(lane, 4, [alone("patient", t_ms) for t_ms in range(50, 2500)])
    await_that(lambda: "does not answer" in indexer.log.read_text(), what="the wait")
    milvus_server.stop()
    milvus_server.start()
    await_that(lambda: bench.count() == 2500, 100, what="all rows")
    await_that(lambda: bench.unread(lane) == 0, what="the commit")
    assert indexer.process.poll() is None
    assert indexer.stop() == 0

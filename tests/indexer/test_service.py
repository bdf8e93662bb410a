"""Indexers as processes: embeddings in, the offline rows in Milvus out, whoever dies."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from schemas.errors import InvalidMessage
from schemas.groups import Lane
from schemas.messages import ChunkStatus, decode
from schemas.topics import CHUNK_STATUS
from services.indexer.core.entry import Entry
from services.indexer.core.partition import PartitionIndex
from services.indexer.core.settings import Smoothing
from tests.indexer.made_logs import made_log
from tests.indexer.offline import Ends, Rows, offline
from tests.indexer.service import Bench, as_stored, await_that, kill_now_and_then

LANES: tuple[Lane, ...] = ("bulk", "live")


@pytest.fixture
def bench(kafka: str, milvus: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka, milvus, tmp_path)
    yield made
    made.stop()


def logs_of(bench: Bench, seeds: range) -> dict[int, list[Entry]]:
    """Make a log for each of several partitions, and its sources known."""
    logs = {}
    for partition, seed in enumerate(seeds):
        logs[partition] = made_log(seed, prefix=f"p{partition}-")
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


@pytest.mark.parametrize("lane", LANES)
def test_embeddings_become_the_offline_rows_and_all_is_committed_at_a_stop(bench: Bench, lane: Lane) -> None:
    logs = logs_of(bench, range(4))
    expected, ends = expected_of(logs)
    for partition, log in logs.items():
        bench.write(lane, partition, log)
    indexer = bench.indexer(lane)
    await_rows(bench, lane, logs, len(expected))
    assert indexer.stop() == 0, indexer.log.read_text()
    assert faults(bench.rows(), expected) == NONE
    if lane == "bulk":
        assert chunks_done(bench) == ends


@pytest.mark.parametrize("lane", LANES)
def test_kills_at_any_moment_lose_falsify_and_add_no_row(bench: Bench, lane: Lane) -> None:
    logs = logs_of(bench, range(20, 28))
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


def test_the_same_comparison_sees_what_automatic_acknowledgement_loses(bench: Bench) -> None:
    logs = logs_of(bench, range(40, 48))
    expected, _ = expected_of(logs)
    indexer = bench.indexer("live", "tests.indexer.automatic")
    for partition, log in logs.items():
        bench.write("live", partition, log[: len(log) // 2])
    await_that(lambda: bench.count() > len(expected) // 5, what="the first rows")
    await_that(lambda: bench.unread("live") < 24, what="the premature commit")
    indexer.kill()
    indexer.start()
    for partition, log in logs.items():
        bench.write("live", partition, log[len(log) // 2 :])
    await_that(lambda: bench.count() > len(expected) * 2 // 3, what="most rows")
    await_that(lambda: bench.unread("live") < 24, what="the commit")
    assert indexer.stop() == 0, indexer.log.read_text()
    assert faults(bench.rows(), expected)["missing"] > 0

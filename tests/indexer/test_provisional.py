"""Provisional rows: there at once, replaced by final ones, and never a reason to wait."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from pymilvus import MilvusClient

from services.indexer import metrics as m
from services.indexer.core.entry import RowSample
from services.indexer.shown import FRESH_MS, ORPHANED_MS, Shown, fresh
from services.indexer.store import Store
from services.indexer.writer import Holding, Writer
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from tests.indexer.cameras import Camera
from tests.indexer.service import Bench, await_that
from tests.indexer.test_store import settings_of

NOW_MS = 1_763_625_600_000


def sample(t_ms: int, captured_ms: int = NOW_MS, *, provisional: bool = True) -> RowSample:
    return RowSample("cam", "cam", 1, t_ms, captured_ms, np.ones(8, np.float32), provisional)


def times(samples: Sequence[RowSample]) -> list[int]:
    return [one.t_ms for one in samples]


def test_only_what_was_captured_just_now_is_news() -> None:
    ages_ms = (0, FRESH_MS, FRESH_MS + 1, -FRESH_MS - 1)
    kept = fresh([*(sample(age, NOW_MS - age) for age in ages_ms), sample(9, -1)], NOW_MS)
    assert times(kept) == [0, FRESH_MS]


def test_a_moment_is_first_shown_once_and_its_provisional_row_is_covered_once() -> None:
    shown = Shown()
    assert times(shown.confirmed([sample(1), sample(2)])) == [1, 2]
    assert list(shown.take_covered()) == []
    assert times(shown.confirmed([sample(t_ms, provisional=False) for t_ms in (1, 3)])) == [3]
    assert list(shown.take_covered()) == ["cam/1/f/1/p"]
    assert list(shown.take_covered()) == []
    shown.forget_orphans(NOW_MS + ORPHANED_MS + 1)
    assert times(shown.confirmed([sample(2, provisional=False)])) == [2]


def test_where_milvus_is_away_provisional_rows_are_dropped_and_final_ones_are_kept() -> None:
    metrics = Metrics(m.METRICS)
    store = Store("http://127.0.0.1:9", settings_of("away@00000000"), 8, timeout_seconds=0.5)
    writer = Writer(store, metrics, seal_rows=1000)
    writer.show([sample(1)], Holding())
    assert writer.confirm() == []
    writer.show([sample(2)], Holding())
    writer.write([sample(1, provisional=False)], Holding())
    for _ in range(2):
        with pytest.raises(Unavailable):
            writer.confirm()
    assert metrics.of(m.PROVISIONAL_DROPPED)._value.get() == 2
    writer.close()


@pytest.fixture
def bench(kafka: str, milvus: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka, milvus, tmp_path)
    yield made
    made.stop()


def rows_of(bench: Bench, source_id: str) -> dict[int, set[bool]]:
    """Return, by its t_ms, whether a moment has a provisional and a final row."""
    client = MilvusClient(uri=bench.milvus)
    try:
        read = client.query(
            bench.collection,
            filter=f'source_id == "{source_id}"',
            output_fields=["t_ms", "provisional"],
            limit=1000,
            consistency_level="Strong",
        )
    finally:
        client.close()
    rows: dict[int, set[bool]] = {}
    for row in read:
        rows.setdefault(row["t_ms"], set()).add(row["provisional"])
    return rows


def test_the_newest_samples_are_provisional_until_their_final_rows_replace_them(bench: Bench) -> None:
    camera = Camera("cam-live")
    bench.source(camera.name, "camera")
    indexer = bench.indexer("live")
    entries = []
    for _ in range(5):
        entries.append(camera.sample())
        bench.write("live", 3, entries[-1:])
        time.sleep(0.1)
    times = [entry.headers.t_ms or 0 for entry in entries]
    await_that(lambda: bench.count() == 5, what="the provisional rows")
    assert rows_of(bench, camera.name) == {t_ms: {True} for t_ms in times}
    bench.write("live", 3, [camera.run_end()])
    await_that(lambda: rows_of(bench, camera.name) == {t_ms: {False} for t_ms in times}, what="the final rows alone")
    await_that(lambda: bench.unread("live") == 0, what="the commit")
    assert indexer.stop() == 0, indexer.log.read_text()
    assert sorted((row.t_ms, row.provisional) for row in bench.told()) == sorted(
        (t_ms, provisional) for t_ms in times for provisional in (False, True)
    )


def test_a_backlog_is_written_in_final_rows_alone(bench: Bench) -> None:
    camera = Camera("cam-late")
    bench.source(camera.name, "camera")
    late = [camera.sample(FRESH_MS + 100_000 - 1000 * number) for number in range(20)]
    bench.write("live", 3, late)
    bench.indexer("live")
    await_that(lambda: bench.count() == 18, what="the final rows")
    bench.write("live", 3, [camera.sample(), camera.run_end()])
    await_that(lambda: bench.unread("live") == 0, what="the commit")
    assert not any(row.provisional for row in bench.told())


def test_a_camera_that_is_removed_loses_its_provisional_rows_too(bench: Bench) -> None:
    camera = Camera("cam-gone")
    bench.source(camera.name, "camera")
    bench.indexer("live")
    entries = [camera.sample(1000 - 100 * number) for number in range(4)]
    bench.write("live", 3, entries)
    await_that(lambda: bench.count() == 4, what="the provisional rows")
    bench.source(camera.name, "camera", wanted="removed")
    await_that(lambda: bench.count() == 0, what="the removal")

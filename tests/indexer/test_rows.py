"""Rows and what is said of them; and a library that is told to say less."""

import logging

import numpy as np

from services.indexer.core.entry import RowSample, StreamEnd
from services.indexer.quiet import RateLimit
from services.indexer.rows import EVENT_ROWS, chunk_status, events, row_of


def sample(stream: str, t_ms: int) -> RowSample:
    return RowSample(stream, stream.partition("/")[0], 3, t_ms, 70 + t_ms, np.ones(2, np.float32))


def test_a_row_is_one_moment_of_the_whole_frame_under_its_key() -> None:
    row = row_of(sample("file/3/c1", -5))
    assert (row.id, row.t_ms, row.end_ms, row.captured_ms, row.part) == ("file/3/f/-5", -5, -5, 65, "f")
    assert row.source_no >= 0
    assert row.sample_hash >= 0
    assert row_of(sample("file/3/c2", -5)).id == row.id


def test_events_are_of_one_stream_each_and_small_enough_for_a_record() -> None:
    samples = [sample("a", t) for t in range(EVENT_ROWS + 1)] + [sample("b", 0)]
    said = list(events(samples, "s@00000000", 99))
    assert [(event.stream, len(event.rows)) for event in said] == [("a", EVENT_ROWS), ("a", 1), ("b", 1)]
    assert said[0].rows[0].searchable_ms == 99


def test_only_a_chunk_has_a_status_of_its_own() -> None:
    end = StreamEnd("file/3/c12", "file", 3, 40, 900, whole=True)
    status = chunk_status(end, "s@00000000")
    assert status is not None
    assert (status.index, status.rows, status.last_t_ms) == (12, 40, 900)
    assert chunk_status(StreamEnd("cam", "cam", 3, 40, 900, whole=True), "s@00000000") is None


def test_a_flood_of_log_lines_becomes_a_few_and_a_count() -> None:
    limit, passed = RateLimit(lines=2, period_seconds=10), []
    for second in (0.0, 0.1, 0.2, 0.3, 11.0):
        line = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "no node %s", (1,), None)
        line.created = 1000 + second
        if limit.filter(line):
            passed.append(line.getMessage())
    assert passed == ["no node 1", "no node 1", "no node 1 (2 lines left out before)"]

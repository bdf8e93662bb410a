"""The core by example: one rule a test."""

import gc
import time
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from schemas.errors import InvalidMessage
from schemas.producer_clock import RUN_LIMIT_MS
from schemas.topics import HOUR_MS
from services.indexer.core.cuts import CutDetector
from services.indexer.core.entry import Entry, RowSample
from services.indexer.core.kernel import Vector
from services.indexer.core.partition import QUIET_MS, PartitionIndex
from services.indexer.core.run import Run
from services.indexer.core.settings import Smoothing
from tests.indexer.made_logs import FIRST_OFFSET, START_MS, in_frame, numbered, record, unit

RNG = np.random.default_rng(1)
STILL = unit(RNG)
SMOOTHING = Smoothing(sigma_seconds=1.0)


def camera(seqs: Iterable[int], run: int = 1, period_ms: int = 1000, name: str = "cam", push: bool = False) -> list[Entry]:
    return [record(name, seq * period_ms, unit(RNG, STILL, 0.02), run=run, seq=seq, push=push) for seq in seqs]


def fed(entries: list[Entry], *, resumed: bool = False) -> tuple[PartitionIndex, list[RowSample]]:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=resumed)
    for entry in numbered(entries):
        index.feed(entry)
    return index, index.drain()[0]


def times(samples: list[RowSample]) -> list[int]:
    return [sample.t_ms // 1000 for sample in samples]


def test_a_sample_is_final_when_a_later_one_lies_beyond_its_window() -> None:
    assert times(fed(camera(range(5)))[1]) == [0]
    assert times(fed(camera(range(6)))[1]) == [0, 1]


def test_silence_closes_nothing_and_a_mark_closes_all() -> None:
    index, early = fed(camera(range(4)))
    assert early == []
    index.feed(replace(record("cam", None, run=1, mark="run_end"), offset=index.next_offset))
    assert times(index.drain()[0]) == [0, 1, 2, 3]
    assert index.safe_offset() == index.next_offset


def test_of_a_try_that_a_decoder_has_given_up_nothing_more_is_final_and_a_larger_run_is_taken() -> None:
    index, early = fed(camera(range(6), run=4, name="file"))
    given_up = record("file", None, run=4, mark="run_end")
    headers = msgspec.structs.replace(given_up.headers, rebuild=True, lacks="it is gone")
    index.feed(replace(given_up, headers=headers, offset=index.next_offset))
    assert (times(early), index.drain().rows) == ([0, 1], [])
    assert index.safe_offset() == index.next_offset
    for entry in (*camera(range(3), run=9, name="file"), record("file", None, run=9, mark="run_end")):
        index.feed(replace(entry, offset=index.next_offset))
    assert times(index.drain().rows) == [0, 1, 2]


def test_a_run_end_of_an_older_run_ends_nothing() -> None:
    ended = record("cam", None, run=1, mark="run_end")
    _, early = fed([*camera(range(4), run=2), ended])
    assert early == []


def test_the_largest_run_wins_and_what_is_older_is_dropped_and_counted() -> None:
    index, rows = fed([*camera(range(3), run=5), *camera(range(9), run=4), *camera(range(1), run=6)])
    assert times(rows) == [0, 1, 2]
    assert index.counts["older_run"] == 9


FAR_RUN = START_MS + 2 * RUN_LIMIT_MS


@pytest.mark.parametrize("has_ended", [False, True])
def test_a_run_of_a_clock_that_was_a_year_ahead_hides_nothing_of_one_that_is_right(has_ended: bool) -> None:
    ends = [record("cam", None, run=FAR_RUN, mark="run_end")] if has_ended else []
    before = [replace(entry, timestamp_ms=FAR_RUN) for entry in (*camera(range(3), run=FAR_RUN), *ends)]
    index, rows = fed([*before, *camera(range(9), run=START_MS), record("cam", None, run=START_MS, mark="run_end")])
    assert times(rows) == [0, 1, 2, *range(9)]
    assert (index.counts["older_run"], index.safe_offset()) == (0, index.next_offset)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_late_record_of_such_a_clock_costs_no_row_of_the_right_one(resumed: bool) -> None:
    def far(seqs: range) -> list[Entry]:
        return [replace(entry, timestamp_ms=FAR_RUN) for entry in camera(seqs, run=FAR_RUN)]

    right = [*camera(range(20), run=START_MS), *far(range(3, 4)), *camera(range(20, 32), run=START_MS)]
    _, rows = fed([*far(range(3)), *right, record("cam", None, run=START_MS, mark="run_end")], resumed=resumed)
    assert set(range(32)) <= set(times(rows))


def test_what_is_numbered_by_no_clock_of_a_camera_may_be_far_ahead_and_wins() -> None:
    for one in ({"push": True}, {"name": "file/1/c0"}):
        index, _ = fed([*camera(range(3), run=FAR_RUN, **one), *camera(range(9), run=START_MS, **one)])
        assert index.counts["older_run"] == 9


def test_an_equal_run_and_seq_is_a_duplicate() -> None:
    index, _ = fed([*camera(range(4)), *camera(range(4)), *camera(range(4, 6))])
    assert index.counts["duplicate"] == 4
    assert index.counts["hole"] == 0


def test_a_hole_divides_the_run_and_is_counted() -> None:
    index, rows = fed([*camera(range(3)), *camera(range(4, 6))])
    assert times(rows) == [0, 1, 2]
    assert index.counts["hole"] == 1
    raw = camera(range(1))[0]
    alone = fed([raw, *camera(range(2, 3))])[1][0]
    assert raw.vector is not None
    assert np.allclose(alone.vector, raw.vector, atol=1e-6)


def test_a_refused_value_holds_its_place_and_its_neighbours_lose_no_row() -> None:
    entries = camera(range(12))
    entries[0] = replace(entries[0], vector=None)
    _, rows = fed([*entries, record("cam", None, run=1, mark="run_end")], resumed=True)
    assert times(rows) == list(range(1, 12))


def test_time_that_does_not_advance_is_invalid_and_the_run_goes_on() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=False)
    first, second = numbered([*camera(range(1)), record("cam", 0, STILL, run=1, seq=1)])
    index.feed(first)
    with pytest.raises(InvalidMessage, match="t_ms 0 is not later than 0, the sample before it in run 1"):
        index.feed(second)
    index.feed(replace(camera(range(2, 3))[0], offset=60))
    assert index.counts["hole"] == 1


def test_a_record_without_run_is_final_when_read_unsmoothed_and_holds_nothing() -> None:
    index, rows = fed([record("push", 5, STILL), record("push", 9, STILL, context=True), record("push", 5, STILL)])
    assert [row.t_ms for row in rows] == [5, 5]
    assert np.array_equal(rows[0].vector, STILL)
    assert index.safe_offset() == index.next_offset


def test_a_record_without_run_that_comes_after_the_end_of_a_run_stands_where_both_have_one_moment() -> None:
    later = record("push", 1000, unit(RNG), push=True)
    ended = record("push", None, run=1, mark="run_end")
    _, rows = fed([*camera(range(3), name="push", push=True), ended, later])
    assert times(rows) == [0, 1, 2, 1]
    assert rows[-1].vector is later.vector


def test_a_mark_same_is_the_vector_before_it_at_that_time() -> None:
    entries = camera(range(1)) + [record("cam", 1000 * seq, run=1, seq=seq, mark="same") for seq in range(1, 6)]
    _, rows = fed(entries)
    assert times(rows) == [0, 1]
    assert entries[0].vector is not None
    assert np.allclose(rows[1].vector, entries[0].vector, atol=1e-6)


def test_a_margin_feeds_windows_and_becomes_no_row() -> None:
    stream, end = "file/1/c0", record("file", None, stream="file/1/c0", run=0, mark="stream_end")
    vectors = [unit(RNG, STILL, 0.05) for _ in range(6)]
    samples = [
        record("file", 500 * seq, vectors[seq], stream=stream, run=0, seq=seq, context=seq in (0, 1, 5)) for seq in range(6)
    ]
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=False)
    for entry in numbered([*samples, end]):
        index.feed(entry)
    rows, ends, _ = index.drain()
    assert [row.t_ms for row in rows] == [1000, 1500, 2000]
    assert (ends[0].rows, ends[0].last_t_ms, ends[0].whole) == (3, 2000, True)
    assert not np.allclose(rows[0].vector, vectors[2], atol=1e-3)


def test_a_cut_divides_and_both_sides_are_final_by_themselves() -> None:
    after = unit(RNG)
    entries = [record("cam", 1000 * seq, STILL if seq < 5 else after, run=1, seq=seq) for seq in range(7)]
    _, rows = fed(entries)
    assert times(rows) == [0, 1, 2, 3, 4]
    assert np.allclose(rows[4].vector, STILL, atol=1e-6)


def test_a_reader_in_the_middle_gives_first_the_sample_whose_whole_support_it_has_read() -> None:
    _, rows = fed(camera(range(100, 130)), resumed=True)
    assert times(rows)[0] == 100 + SMOOTHING.cut_memory + 1 + 3
    _, rows = fed(camera(range(100, 130)), resumed=False)
    assert times(rows)[0] == 100


def in_frames(entries: list[Entry]) -> list[Entry]:
    return [in_frame(entry, number, START_MS + number) for number, entry in enumerate(entries)]


@pytest.mark.parametrize("sigma_seconds", [0.0, 0.5, 1.0, 3.0])
def test_a_run_that_is_seen_first_behind_all_that_was_processed_has_all_rows_though_its_beginning_was_lost(
    sigma_seconds: float,
) -> None:
    smoothing = Smoothing(sigma_seconds=sigma_seconds)
    index = PartitionIndex(smoothing, FIRST_OFFSET, resumed=True, processed=FIRST_OFFSET + 8)
    others = camera(range(100, 120), run=7, name="other")
    for entry in numbered(in_frames([*others, *camera(range(500, 560), run=9), record("cam", None, run=9, mark="run_end")])):
        index.feed(entry)
    rows = index.drain().rows
    assert times([row for row in rows if row.source_id == "cam"]) == list(range(500, 560))
    assert 100 not in times(rows), "its run was open before"


@pytest.mark.parametrize(("processed", "cut"), [(None, False), (FIRST_OFFSET + 1, False), (FIRST_OFFSET, True)])
def test_a_run_that_an_earlier_reader_may_have_had_gives_no_row_with_a_window_that_is_cut_off(
    processed: int | None, cut: bool
) -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True, processed=processed, cut=cut)
    for entry in numbered(in_frames(camera(range(100, 130)))):
        index.feed(entry)
    assert times(index.drain().rows)[0] == 100 + SMOOTHING.cut_memory + 1 + 3


def test_neither_a_chunk_nor_what_names_no_frame_begins_in_its_middle_though_nobody_has_processed_it() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True, processed=FIRST_OFFSET)
    unnamed = camera(range(60, 64), name="other")
    for entry in numbered([*unnamed, record("other", None, run=1, mark="run_end"), *in_frames(chunk(range(12, 20)))]):
        index.feed(entry)
    drained = index.drain()
    assert drained.rows == []
    assert [end.whole for end in drained.ends] == [False]


def test_what_an_earlier_reader_has_processed_is_told_until_this_one_has_come_as_far() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True, processed=FIRST_OFFSET + 3)
    told = []
    for entry in camera(range(5)):
        index.feed(replace(entry, offset=index.next_offset))
        told.append(index.processed - FIRST_OFFSET)
    assert told == [3, 3, 3, 4, 5]


def test_a_run_after_an_older_one_begins_where_its_first_record_is_though_earlier_ones_were_lost() -> None:
    _, rows = fed([*camera(range(20), run=1), *camera(range(500, 504), run=2), *camera(range(1), run=3)], resumed=True)
    assert times(rows)[-4:] == [500, 501, 502, 503]


def test_a_quiet_push_run_is_closed_a_day_later_by_the_log_and_what_follows_it_is_invalid() -> None:
    index, rows = fed(camera(range(3), push=True))
    assert rows == []
    later = replace(record("other", 0, STILL), offset=90, timestamp_ms=START_MS + QUIET_MS + 10)
    index.feed(later)
    assert sorted(times(index.drain()[0])) == [0, 0, 1, 2]
    assert index.safe_offset() == 91
    with pytest.raises(InvalidMessage, match="run 1 was silent for a day and is closed"):
        index.feed(replace(camera(range(3, 4), push=True)[0], offset=91, timestamp_ms=later.timestamp_ms))


def test_of_push_runs_that_have_ended_nothing_stays_in_memory() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=False)
    rows, alive = 0, list[weakref.ref[Vector]]()
    for number in range(300):
        name = f"sender-{number}"
        samples = camera(range(5), push=True, name=name)
        alive += [weakref.ref(sample.vector) for sample in samples if sample.vector is not None]
        for entry in [*samples, record(name, None, run=1, mark="run_end")]:
            index.feed(replace(entry, offset=index.next_offset, timestamp_ms=START_MS))
        rows += len(index.drain().rows)
    del samples, entry
    gc.collect()
    assert rows == 300 * 5
    assert not [vector for vector in alive if vector() is not None]
    assert sum(type(one) is Run for one in gc.get_objects()) < 200


def chunk(times_ms: Sequence[int], run: int = 0) -> list[Entry]:
    """Return the records of a chunk that has a sample every second, from 0 on, of which these are left; and its end."""
    stream = "file/1/c0"
    vectors = np.random.default_rng(5)
    made = [record("file", 1000 * seq, unit(vectors, STILL, 0.05), stream=stream, run=run, seq=seq) for seq in range(20)]
    left = [one for one in made if one.headers.seq in times_ms]
    return [*left, record("file", None, stream=stream, run=run, mark="stream_end", samples=20)]


@pytest.mark.parametrize(
    "left", [range(1, 20), [*range(8), *range(9, 20)], range(19), []], ids=["first", "middle", "last", "all"]
)
def test_a_chunk_of_which_a_part_was_lost_is_not_whole(left: Sequence[int]) -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True)
    for entry in numbered(chunk(left)):
        index.feed(entry)
    assert [end.whole for end in index.drain().ends] == [False]


@pytest.mark.parametrize("resumed", [True, False], ids=["behind what was only held", "behind what was lost"])
def test_the_rest_of_a_done_chunk_at_the_edge_of_the_log_is_not_taken_for_a_chunk(*, resumed: bool) -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=resumed)
    for entry in numbered(chunk(range(6, 20))):
        index.feed(replace(entry, done=True))
    assert index.drain() == ([], [], [])
    assert index.safe_offset() == index.next_offset


def test_a_chunk_without_a_sample_is_whole() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True)
    index.feed(numbered([record("file", None, stream="file/1/c0", run=0, mark="stream_end", samples=0)])[0])
    assert [(end.rows, end.whole) for end in index.drain().ends] == [(0, True)]


@pytest.mark.parametrize("left", [range(6, 20), [*range(8), *range(11, 20)], range(12)])
def test_a_chunk_that_is_sent_again_as_a_larger_run_is_whole_and_what_still_comes_of_the_first_is_dropped(
    left: Sequence[int],
) -> None:
    *first, end = chunk(left)
    again, whole = chunk(range(20), run=7), chunk(range(20))
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True)
    rows: dict[int, np.ndarray] = {}
    ends = []
    for entry in numbered([*first[:-2], *again[:9], *first[-2:], end, *again[9:]]):
        index.feed(entry)
        drained = index.drain()
        rows |= {row.t_ms: row.vector for row in drained.rows}
        ends += drained.ends
    assert [(end.rows, end.whole) for end in ends] == [(20, True)]
    expected = fed(whole)[1]
    assert sorted(rows) == sorted(row.t_ms for row in expected)
    assert all(np.allclose(rows[row.t_ms], row.vector, atol=1e-6) for row in expected)


def test_an_abandoned_chunk_holds_the_commit_until_its_repeat_has_ended() -> None:
    stream = "file/1/c0"
    samples = [record("file", 500 * seq, unit(RNG, STILL), stream=stream, run=0, seq=seq) for seq in range(40)]
    other = camera(range(400))
    index, _ = fed([*samples[:25], *other, record("cam", None, run=1, mark="run_end")])
    assert index.safe_offset() == FIRST_OFFSET
    for number, entry in enumerate([*samples, record("file", None, stream=stream, run=0, mark="stream_end")]):
        index.feed(replace(entry, offset=1000 + number))
    rows, ends, _ = index.drain()
    assert ends[0].rows == 40
    assert len(rows) + 25 >= 40
    assert index.safe_offset() == index.next_offset


def hours_later(entries: list[Entry], hours: float, first_offset: int) -> list[Entry]:
    """Return entries as they are written later, from an offset on."""
    written_ms = START_MS + int(hours * HOUR_MS)
    return [replace(entry, offset=first_offset + n, timestamp_ms=written_ms + n) for n, entry in enumerate(entries)]


@pytest.mark.parametrize("done", [False, True], ids=["file that was paused", "second copy of a done chunk"])
def test_a_chunk_that_nobody_ends_holds_the_commit_for_an_hour_of_the_log(*, done: bool) -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True)
    for entry in hours_later([replace(entry, done=done) for entry in chunk(range(12))[:-1]], 0, FIRST_OFFSET):
        index.feed(entry)
    for hours, safe_offset in ((0.9, FIRST_OFFSET), (1.1, 501)):
        for entry in hours_later([record("push", 5, STILL)], hours, 500):
            index.feed(entry)
        index.drain()
        assert index.safe_offset() == safe_offset


def test_a_chunk_that_goes_on_after_an_hour_is_whole_and_asked_for_again_only_by_a_reader_that_begins_between() -> None:
    *samples, end = chunk(range(20))
    expected, log = fed([*samples, end])[1], hours_later(samples[:12], 0, FIRST_OFFSET)
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True)
    rows = []
    for entry in [*log, *hours_later([record("push", 5, STILL)], 2, 500)]:
        index.feed(entry)
        rows += [row for row in index.drain().rows if row.source_id == "file"]
    later = PartitionIndex(SMOOTHING, index.safe_offset(), resumed=True)
    for reader in (index, later):
        for entry in hours_later([*samples[12:], end], 3, 501):
            reader.feed(entry)
    written, ends, _ = index.drain()
    assert [end.whole for end in ends] == [True]
    rows += written
    assert [row.t_ms for row in rows] == [row.t_ms for row in expected]
    assert all(np.allclose(row.vector, right.vector, atol=1e-6) for row, right in zip(rows, expected, strict=True))
    assert [end.whole for end in later.drain().ends] == [False]


def test_a_removed_source_holds_nothing_and_gives_nothing() -> None:
    index, _ = fed([*camera(range(3), name="a"), *camera(range(3), name="b")])
    index.forget("a", 1)
    index.feed(replace(record("b", None, run=1, mark="run_end"), offset=100))
    assert {row.source_id for row in index.drain()[0]} == {"b"}
    assert index.safe_offset() == 101


def test_a_new_sample_of_a_camera_is_given_out_once_before_it_is_final_as_if_the_run_ended_there() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=False)
    entries = numbered(camera(range(6)))
    given = []
    for count, entry in enumerate(entries, start=1):
        index.feed(entry)
        newest = index.drain().provisional
        assert [sample.provisional for sample in newest] == [True]
        ended = fed([*entries[:count], record("cam", None, run=1, mark="run_end")])[1]
        assert np.allclose(newest[0].vector, ended[-1].vector, atol=1e-6)
        given += newest
    assert times(given) == [0, 1, 2, 3, 4, 5]
    assert index.drain().provisional == []


def test_what_is_final_at_once_or_belongs_to_a_chunk_is_never_provisional() -> None:
    index, _ = fed([])
    chunk = [record("file", 500 * seq, STILL, stream="file/1/c0", run=0, seq=seq) for seq in range(4)]
    alone = [record("push", 5, STILL)]
    ended = [*camera(range(3)), record("cam", None, run=1, mark="run_end")]
    for entry in numbered([*chunk, *alone, *ended]):
        index.feed(entry)
    assert index.drain().provisional == []


def test_a_reader_in_the_middle_shows_nothing_before_the_first_sample_whose_final_row_it_writes() -> None:
    index = PartitionIndex(SMOOTHING, FIRST_OFFSET, resumed=True)
    shown, final = [], []
    for entry in numbered(camera(range(100, 130))):
        index.feed(entry)
        drained = index.drain()
        shown += drained.provisional
        final += drained.rows
    assert times(shown)[0] == times(final)[0] == 100 + SMOOTHING.cut_memory + 1 + 3
    assert times(shown)[-1] == 129


def test_thousands_of_streams_in_one_partition_keep_the_safe_offset_cheap() -> None:
    index = PartitionIndex(SMOOTHING, 0, resumed=False)
    offset = 0
    for seq in range(6):
        for stream in range(3000):
            index.feed(replace(record(f"s{stream}", 1000 * seq, STILL, run=1, seq=seq), offset=offset))
            offset += 1
    index.drain()
    index.safe_offset()
    began = time.process_time()
    for _ in range(1000):
        index.safe_offset()
    assert time.process_time() - began < 0.1


def test_a_cut_is_judged_by_a_fixed_threshold_first_and_by_the_neighbours_once_they_are_known() -> None:
    detector = CutDetector(SMOOTHING)
    assert detector.is_cut(0.31, from_beginning=True)
    assert not detector.is_cut(0.29, from_beginning=True)
    for _ in range(7):
        assert not detector.is_cut(0.05, from_beginning=True)
    assert not detector.is_cut(0.09, from_beginning=True)
    assert detector.is_cut(0.2, from_beginning=True)


def test_nothing_is_judged_in_the_middle_before_as_much_is_known_as_a_verdict_needs() -> None:
    detector = CutDetector(SMOOTHING)
    assert [detector.is_cut(1.0, from_beginning=False) for _ in range(7)] == [False] * 7


@pytest.mark.parametrize("wrong", [{"sigma_seconds": 3.1}, {"sigma_seconds": -1.0}, {"cut_memory": 9}, {"cut_memory": 3}])
def test_settings_beyond_what_margins_are_made_for_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"margins are made for|expected 4 to 8"):
        Smoothing(**wrong)  # type: ignore[arg-type]

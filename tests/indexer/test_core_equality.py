"""Streamed = chunked = restarted = replayed = offline, for any log."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import InvalidMessage
from services.indexer.core.entry import Entry, RowSample
from services.indexer.core.frames import note_of, place_of
from services.indexer.core.partition import PartitionIndex
from services.indexer.core.settings import Smoothing
from tests.indexer.made_logs import (
    FIRST_OFFSET,
    START_MS,
    Maker,
    copies,
    in_frame,
    made_frames,
    made_log,
    made_mixed,
    numbered,
    record,
    unit,
)
from tests.indexer.offline import Ends, Rows, offline

SETTINGS = [
    Smoothing(),
    Smoothing(sigma_seconds=0.0),
    Smoothing(sigma_seconds=3.0, cut_memory=5),
    Smoothing(sigma_seconds=0.4, cut_fixed_threshold=2.0, cut_deviations=2.0),
]
smoothings = st.sampled_from(SETTINGS)
seeds = st.integers(0, 2**32)

Told = Callable[[PartitionIndex], int]


class Table:
    """Rows and ended streams as they would be stored."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.ends: Ends = {}

    def write(self, rows: Sequence[RowSample]) -> None:
        self.rows.update({(row.source_id, row.life, row.t_ms): row.vector for row in rows})


def feed(index: PartitionIndex, entries: Sequence[Entry], table: Table) -> None:
    for entry in entries:
        try:
            index.feed(replace(entry, done=entry.headers.stream in table.ends))
        except InvalidMessage:
            continue


def finish(index: PartitionIndex, table: Table) -> None:
    rows, ends, _ = index.drain()
    table.write(rows)
    table.ends.update({end.stream: (end.rows, end.last_t_ms) for end in ends if end.whole})


def streamed(log: list[Entry], smoothing: Smoothing, batch: int) -> Table:
    table, index = Table(), PartitionIndex(smoothing, FIRST_OFFSET, resumed=False)
    for first in range(0, len(log), batch):
        feed(index, log[first : first + batch], table)
        finish(index, table)
    return table


def processed(index: PartitionIndex) -> int:
    return index.processed


def restarted(
    log: list[Entry],
    smoothing: Smoothing,
    dice: random.Random,
    safe: Told,
    crashes: int = 1000,
    processed: Told = processed,
    begun: Callable[[PartitionIndex], Collection[int]] = PartitionIndex.begun,
) -> Table:
    """Read with crashes at any moment, each new reader beginning at the last commit."""
    table, committed, note = Table(), -1, ""
    known: Collection[int] = ()
    told: int | None = None
    for crash in range(crashes + 1):
        begin = max(committed, FIRST_OFFSET)
        index = PartitionIndex(
            smoothing, begin, resumed=committed >= 0, frames=place_of(note), processed=told, begun=known
        )  # fmt: skip
        waiting = [entry for entry in log if entry.offset >= begin]
        crash_after = dice.randrange(1, len(log) + 2) if crash < crashes else 10**9
        while waiting:
            batch = dice.randrange(1, 25)
            feed(index, waiting[:batch], table)
            del waiting[:batch]
            if (crash_after := crash_after - batch) <= 0 and dice.random() < 0.5:
                break  # before anything of this batch was written
            finish(index, table)
            if dice.random() < 0.4:
                assert safe(index) >= committed
                committed, told, known = safe(index), processed(index), begun(index)
                note = note_of(index.frames_before(committed))
            if crash_after <= 0:
                break
        else:
            break
    return table


def same(rows: Rows, expected: Rows) -> bool:
    return rows.keys() == expected.keys() and all(np.abs(rows[key] - expected[key]).max() < 1e-6 for key in expected)


@settings(max_examples=150, deadline=None)
@given(seeds, smoothings, st.sampled_from([1, 7, 100_000]), st.booleans())
def test_rows_read_in_any_batches_equal_the_offline_ones(seed: int, smoothing: Smoothing, batch: int, two: bool) -> None:
    log = made_log(seed, two_at_once=two)
    table = streamed(log, smoothing, batch)
    rows, ends = offline(log, smoothing)
    assert same(table.rows, rows)
    assert table.ends == ends


@settings(max_examples=100, deadline=None)
@given(seeds, smoothings, st.sampled_from([2, 7, 100_000]))
def test_of_values_of_one_moment_in_runs_and_without_the_same_one_stands_in_any_batches(
    seed: int, smoothing: Smoothing, batch: int
) -> None:
    log = made_mixed(seed)
    table, by_record = streamed(log, smoothing, batch), streamed(log, smoothing, 1)
    assert same(table.rows, by_record.rows)
    assert table.ends == by_record.ends


@settings(max_examples=250, deadline=None)
@given(seeds, smoothings, seeds)
@example(69889, Smoothing(sigma_seconds=0.0), 3063)
def test_rows_after_any_sequence_of_crashes_equal_the_offline_ones(seed: int, smoothing: Smoothing, crashes: int) -> None:
    log = made_log(seed)
    table = restarted(log, smoothing, random.Random(crashes), PartitionIndex.safe_offset)
    rows, ends = offline(log, smoothing)
    assert same(table.rows, rows)
    assert table.ends == ends


def closed(log: list[Entry]) -> list[Entry]:
    """End the run of every camera after the log."""
    cameras = sorted({entry.headers.stream for entry in log if entry.headers.stream.startswith("cam")})
    ends = [record(camera, None, mark="run_end") for camera in cameras]
    return [*log, *(replace(end, offset=log[-1].offset + 1 + number, timestamp_ms=START_MS) for number, end in enumerate(ends))]


def read(index: PartitionIndex, log: list[Entry], batch: int) -> tuple[list[RowSample], list[tuple[int, RowSample]]]:
    """Return the final samples, and the provisional ones with the number of records that were read before them."""
    final: list[RowSample] = []
    provisional: list[tuple[int, RowSample]] = []
    for first in range(0, len(log), batch):
        feed(index, log[first : first + batch], Table())
        drained = index.drain()
        final += drained.rows
        provisional += [(first + batch, sample) for sample in drained.provisional]
    return final, provisional


def places(samples: Sequence[RowSample]) -> list[tuple[str, int, int]]:
    return [(sample.source_id, sample.life, sample.t_ms) for sample in samples]


@settings(max_examples=150, deadline=None)
@given(seeds, smoothings, st.sampled_from([1, 7]), seeds)
def test_every_provisional_sample_is_followed_by_its_final_one_from_the_same_reader(
    seed: int, smoothing: Smoothing, batch: int, moment: int
) -> None:
    log = closed(made_log(seed))
    first = PartitionIndex(smoothing, FIRST_OFFSET, resumed=False)
    read(first, log[: moment % (len(log) + 1)], 1)
    begin = first.safe_offset()
    for index in (PartitionIndex(smoothing, FIRST_OFFSET, resumed=False), PartitionIndex(smoothing, begin, resumed=True)):
        final, provisional = read(index, [entry for entry in log if entry.offset >= index.next_offset], batch)
        shown = places([sample for _, sample in provisional])
        assert len(shown) == len(set(shown))
        assert set(shown) <= set(places(final))
        assert not any(sample.provisional for sample in final)


@settings(max_examples=60, deadline=None)
@given(seeds, smoothings)
def test_a_provisional_sample_is_the_row_that_would_be_final_if_its_run_ended_there(seed: int, smoothing: Smoothing) -> None:
    log = closed(made_log(seed))
    final, provisional = read(PartitionIndex(smoothing, FIRST_OFFSET, resumed=False), log, 1)
    for read_before, sample in provisional[:: max(1, len(provisional) // 10)]:
        rows, _ = offline(closed(log[:read_before]), smoothing)
        assert np.abs(rows[places([sample])[0]] - sample.vector).max() < 1e-6
    cameras = {place for place in places(final) if place[0].startswith("cam")}
    assert set(places([sample for _, sample in provisional])) == (cameras if smoothing.sigma_seconds else set())


@settings(max_examples=100, deadline=None)
@given(seeds, smoothings, seeds)
def test_a_chunk_that_two_workers_decode_at_once_gives_its_rows_through_a_crash(
    seed: int, smoothing: Smoothing, crashes: int
) -> None:
    log = made_log(seed, two_at_once=True)
    table = restarted(log, smoothing, random.Random(crashes), PartitionIndex.safe_offset, crashes=1)
    rows, ends = offline(log, smoothing)
    assert same(table.rows, rows)
    assert table.ends == ends


def chunk_sent_again(dice: random.Random) -> tuple[list[Entry], list[Entry]]:
    """Return the log of a chunk of which parts were lost, and which comes again as a larger run while it still comes; and the
    records of the later one."""
    rng = np.random.default_rng(dice.randrange(2**32))
    still, stream, length = unit(rng), "file/1/c0", dice.randrange(1, 60)
    vectors = [unit(rng, still, 0.1) for _ in range(length)]

    def run(number: int) -> list[Entry]:
        samples = [record("file", 500 * seq, vectors[seq], stream=stream, run=number, seq=seq) for seq in range(length)]
        return [*samples, record("file", None, stream=stream, run=number, mark="stream_end", samples=length)]

    first, again = run(0), run(7)
    for _ in range(dice.randrange(1, 4)):
        lost = dice.randrange(len(first) + 1)
        del first[lost : lost + dice.randrange(1, 15)]
    begins = dice.randrange(len(first) + 1)
    mixed = list(Maker(dice, rng).interleaved([first[begins:], again]))
    return numbered([*first[:begins], *mixed]), numbered(again)


@settings(max_examples=80, deadline=None)
@given(seeds, smoothings, seeds)
def test_a_chunk_that_lost_any_parts_and_is_sent_again_has_the_rows_of_the_whole(
    seed: int, smoothing: Smoothing, crashes: int
) -> None:
    log, again = chunk_sent_again(random.Random(seed))
    table = restarted(log, smoothing, random.Random(crashes), PartitionIndex.safe_offset)
    rows, ends = offline(again, smoothing)
    assert same(table.rows, rows)
    assert table.ends == ends


@pytest.mark.parametrize("smoothing", SETTINGS[:1])
def test_a_commit_one_record_too_far_is_noticed_by_the_same_comparison(smoothing: Smoothing) -> None:
    def too_far(index: PartitionIndex) -> int:
        return min(index.safe_offset() + 1, index.next_offset)

    noticed = 0
    for seed in range(60):
        log = made_log(seed)
        noticed += not same(restarted(log, smoothing, random.Random(seed), too_far).rows, offline(log, smoothing)[0])
    assert noticed >= 3


@settings(max_examples=200, deadline=None)
@given(seeds, smoothings, seeds)
def test_vectors_that_name_their_frames_give_the_rows_of_a_log_without_repeats_through_any_crashes(
    seed: int, smoothing: Smoothing, crashes: int
) -> None:
    log, once = made_frames(seed)
    rows, ends = offline(once, smoothing)
    for table in (
        streamed(log, smoothing, 1 + crashes % 30),
        restarted(log, smoothing, random.Random(crashes), PartitionIndex.safe_offset),
    ):
        assert same(table.rows, rows)
        assert table.ends == ends


def test_frames_that_are_told_too_far_to_a_later_reader_are_noticed_by_the_same_comparison() -> None:
    def too_far(index: PartitionIndex) -> int:
        index.frames_before(index.next_offset)
        return index.safe_offset()

    noticed = 0
    for seed in range(60):
        log, once = made_frames(seed)
        rows = restarted(log, Smoothing(), random.Random(seed), too_far).rows
        noticed += not same(rows, offline(once, Smoothing())[0])
    assert noticed >= 3


@settings(max_examples=200, deadline=None)
@given(seeds, smoothings, seeds)
def test_runs_whose_beginnings_were_lost_have_the_rows_of_what_is_left_from_whoever_comes_to_them_first(
    seed: int, smoothing: Smoothing, crashes: int
) -> None:
    log, once = made_frames(seed, loses_beginnings=True)
    table = restarted(log, smoothing, random.Random(crashes), PartitionIndex.safe_offset)
    rows, ends = offline(once, smoothing)
    assert same(table.rows, rows)
    assert table.ends == ends


def test_a_reader_that_does_not_tell_where_runs_begin_is_noticed_by_the_same_comparison() -> None:
    noticed = 0
    for seed in range(60):
        log, once = made_frames(seed, loses_beginnings=True)
        rows = restarted(log, Smoothing(), random.Random(seed), PartitionIndex.safe_offset, begun=lambda _: ()).rows
        noticed += not same(rows, offline(once, Smoothing())[0])
    assert noticed >= 3


def test_a_reader_that_tells_only_what_it_has_processed_itself_is_noticed_by_the_same_comparison() -> None:
    def by_itself(index: PartitionIndex) -> int:
        return index.next_offset

    noticed = 0
    for seed in range(60):
        log, once = made_frames(seed)
        rows = restarted(log, Smoothing(), random.Random(seed), PartitionIndex.safe_offset, processed=by_itself).rows
        noticed += not same(rows, offline(once, Smoothing())[0])
    assert noticed >= 3


def test_a_late_repeat_without_the_end_of_its_run_changes_no_row_after_a_restart() -> None:
    rng = np.random.default_rng(1)
    times_ms = (0, 500, 9_000, 9_500, 10_000)  # the gap shows where the second part begins, to whoever enters before it
    still = unit(rng)
    samples = [record("cam", t_ms, unit(rng, still), run=1, seq=seq) for seq, t_ms in enumerate(times_ms)]
    frames = [*samples, record("cam", None, run=1, mark="run_end"), record("cam", 400_000, still, run=2, seq=0)]
    *first_run, next_run = [in_frame(entry, number, START_MS + number) for number, entry in enumerate(frames)]
    log = numbered([*first_run, *copies(first_run[1:4]), next_run])
    rows, _ = offline(log, Smoothing())
    before, after = log[: len(samples) + 1], log[len(samples) + 1 :]
    table, first = Table(), PartitionIndex(Smoothing(), FIRST_OFFSET, resumed=False)
    feed(first, before, table)
    finish(first, table)
    assert same(table.rows, rows), "all is right, and committed"
    begin = first.safe_offset()
    second = PartitionIndex(Smoothing(), begin, resumed=True, frames=first.frames_before(begin))
    feed(second, after, table)
    finish(second, table)
    assert same(table.rows, rows)

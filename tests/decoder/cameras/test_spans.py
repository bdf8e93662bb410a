"""From journals to spans, by property: every lost sample once, and rows as if it had come in time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.headers import EmbeddingHeaders
from schemas.messages import Life, Source
from schemas.recordings import JournalLine, Segment
from services.decoder.cameras.spans import (
    Done,
    Fence,
    Heard,
    Lacking,
    Lost,
    LostSpan,
    LostUntil,
    Noted,
    Reach,
    delivered,
    lost_to_consumers,
    missed,
    not_shown,
    of_their_runs,
    oldest,
    ripe,
    settled_ms,
    span_chunk,
    spans,
    taken,
    uncovered,
)
from services.decoder.plan import REACH_MS, span_ms
from services.indexer.core.entry import Entry
from services.indexer.core.partition import PartitionIndex
from services.indexer.core.settings import Smoothing

PER_MS = 1000.0
SEGMENT = Segment(1_000_000, 1)
BEGIN_MS = 1_763_625_600_000


def note(t_ms: int, run: int = 1, offset: int = -1, segment: Segment = SEGMENT) -> Noted:
    return Noted(segment, JournalLine(t_ms, run, 0, 0, -1 if offset < 0 else 5, offset))


@dataclass(frozen=True)
class Made:
    """A run of a camera, which of its samples are lost, and how often it is sampled."""

    noted: tuple[Noted, ...]
    lost: tuple[Noted, ...]
    sample_fps: float


@st.composite
def runs(draw: st.DrawFn) -> Made:
    """Make a run at a rate, with gaps, whose samples are lost in stretches."""
    sample_fps = draw(st.sampled_from([0.2, 1.0, 4.0]))
    steps = draw(st.lists(st.sampled_from([*[1] * 30, 7, 30]), min_size=1 if draw(st.booleans()) else 40, max_size=120))
    begin_ms = BEGIN_MS + draw(st.integers(0, span_ms(sample_fps)))
    times = np.cumsum([round(step * 1000 / sample_fps) for step in steps]) + begin_ms
    lost = np.cumsum(draw(st.lists(st.sampled_from([*[0] * 12, 1]), min_size=len(steps), max_size=len(steps)))) % 2 == 1
    noted = tuple(note(int(t_ms), offset=index) for index, t_ms in enumerate(times))
    return Made(noted, tuple(one for one, is_lost in zip(noted, lost, strict=True) if is_lost), sample_fps)


@given(runs())
@settings(max_examples=60, deadline=None)
def test_every_lost_sample_lies_in_one_span_and_no_span_covers_another_sample(made: Made) -> None:
    found = list(spans(made.lost, made.noted, made.sample_fps))
    assert [one for span in found for one in span.lost] == list(made.lost)
    for span in found:
        assert span.reach.last_ms - span.reach.first_ms < span_ms(made.sample_fps)
        chunk = span_chunk(source(made.sample_fps), span)
        named = [t_ms for recorded in chunk.recorded for t_ms in recorded.times_ms]
        owned = [t_ms for t_ms in named if chunk.start_ms <= t_ms < chunk.end_ms]
        assert owned == [one.line.t_ms for one in span.lost]
        assert named == sorted(set(named))
        assert chunk.stream == f"captured-x/3/r{owned[0]}"


@given(runs(), st.sampled_from([0.5, 3.0]), st.sampled_from([(0.1, 0.2), (1.0, 0.0)]), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_rows_of_a_span_are_those_of_a_run_that_nothing_interrupted(
    made: Made, sigma_seconds: float, scene: tuple[float, float], seed: int
) -> None:
    smoothing, (noise, cuts) = Smoothing(sigma_seconds=sigma_seconds), scene
    rng = np.random.default_rng(seed)
    shots = np.cumsum(rng.random(len(made.noted)) < cuts)
    scenes = rng.normal(size=(len(made.noted) + 1, 8))
    pictures = {
        one.line.t_ms: unit(scenes[shot] + noise * rng.normal(size=8)) for one, shot in zip(made.noted, shots, strict=True)
    }
    whole = rows(smoothing, "captured-x", made.noted, pictures)
    for span in spans(made.lost, made.noted, made.sample_fps):
        caught_up = rows(smoothing, f"captured-x/3/r{span.reach.first_ms}", span.samples, pictures, span.reach)
        assert list(caught_up) == [one.line.t_ms for one in span.lost]
        for t_ms, vector in caught_up.items():
            np.testing.assert_allclose(vector, whole[t_ms], atol=1e-6)


@given(runs())
@settings(max_examples=30, deadline=None)
def test_what_was_caught_up_is_not_found_again(made: Made) -> None:
    found = list(spans(made.lost, made.noted, made.sample_fps))
    covered = [span.reach for span in found[: len(found) // 2]]
    left = uncovered(made.lost, covered)
    assert list(spans(left, made.noted, made.sample_fps)) == found[len(covered) :]
    assert uncovered(made.lost, [span.reach for span in found]) == []


reaches = st.builds(
    lambda begin_ms, length_ms, run: Reach(begin_ms, begin_ms + length_ms, run),
    st.integers(0, 40), st.integers(0, 9), st.sampled_from([None, 1, 2]),
)  # fmt: skip


@given(st.lists(reaches, max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_sample_is_covered_by_a_stretch_of_its_run_or_of_all_runs(covered: list[Reach]) -> None:
    noted = [note(t_ms, run) for t_ms in range(50) for run in (1, 2)]
    left = [
        one
        for one in noted
        if not any(reach.first_ms <= one.line.t_ms <= reach.last_ms and reach.run in (None, one.line.run) for reach in covered)
    ]
    assert uncovered(noted, covered) == left


def test_a_span_covers_its_own_run_where_two_show_the_same_moments() -> None:
    before = [note(1000 * second + 30, 1) for second in range(5)]
    after = [note(1000 * second - 100, 2) for second in range(4, 9)]
    noted = sorted((*before, *after), key=lambda one: one.line.t_ms)
    found = list(spans(noted, noted, 1.0))
    done = [Done(span.reach, len(span.lost), span.reach.last_ms) for span in found]
    assert list(not_shown(noted, of_their_runs(done, noted))) == []
    assert uncovered(noted, [span.reach for span in of_their_runs(done[:1], noted)]) == after
    lacks = replace(done[1], rows=3, last_t_ms=after[2].line.t_ms)
    lacking = Lacking(2, Reach(after[3].line.t_ms, after[4].line.t_ms))
    assert list(not_shown(noted, of_their_runs([done[0], lacks], noted))) == [lacking]
    assert of_their_runs([Done(Reach(-5, 10), 2, 10)], noted) == [Done(Reach(-5, 10), 2, 10)], (
        "who began it nobody knows any more"
    )


@given(runs(), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_the_oldest_spans_are_given_first_and_those_that_are_left_come_later(made: Made, most: int) -> None:
    found = list(spans(made.lost, made.noted, made.sample_fps))
    given = oldest(reversed(found), most)
    assert given == found[: len(given)]
    assert len(given) > 0 or not found
    assert sum(len(span.samples) for span in given[:-1]) < most
    assert len(given) == len(found) or sum(len(span.samples) for span in given) >= most


def test_of_runs_that_are_over_what_kafka_never_took_is_lost() -> None:
    noted = [note(1, 1, 7), note(2, 1), note(3, 2, 9), note(4, 2), note(5, 3)]
    assert missed(noted, Fence(2, 5, 8), Fence(2, 5, 8), PER_MS) == [noted[1]]
    assert missed(noted, Fence(3, 5, 12), Fence(2, 5, 8), PER_MS) == [noted[1], noted[3]]


def test_what_an_owner_recorded_that_had_lost_the_camera_is_not_caught_up() -> None:
    noted = [note(1, 1, 7), note(2, 1), note(3, 2, 9), note(4, 1), note(5, 2, 10)]
    assert missed(noted, Fence(2, 5, 8), Fence(2, 5, 8), PER_MS) == [noted[1]]


def test_what_an_owner_recorded_while_another_had_begun_for_a_moment_is_lost_from_its_end_on() -> None:
    noted = [note(1, 1, 7), note(2, 2, 8), note(3, 1, 9), note(4, 2, 10), note(5, 1, 11), note(6, 1, 12), note(7, 3, 14)]
    assert missed(noted, Fence(3, 5, 14), Fence(1, 5, 0), PER_MS) == [noted[4], noted[5]]
    assert missed(noted, Fence(2, 5, 8), Fence(1, 5, 0), PER_MS) == [], "the other may go on"
    assert missed(noted, Fence(3, 5, 14), Fence(1, 5, 0), 400.0) == [noted[5]], "of a moment that the other has shown"
    assert delivered(noted, Fence(1, 5, 0)) == [noted[0], noted[1], noted[3], noted[6]]


def test_what_kafka_took_when_another_had_begun_is_lost_too() -> None:
    noted = [note(1, 1, 7), note(2, 1, 9), note(3, 1, 12), note(4, 2, 11), note(5, 2, 13)]
    assert missed(noted, Fence(2, 5, 11), Fence(2, 5, 11), PER_MS) == [noted[2]]
    assert missed(noted, Fence(2, 5, 11), Fence(2, 5, 8), PER_MS) == [noted[1], noted[2]], (
        "the mark that ended the run came before"
    )
    assert missed(noted[:3], Fence(1, 5, 11), Fence(1, 5, 11), PER_MS) == []


def test_readers_take_nothing_of_a_run_that_is_over() -> None:
    log = [
        Heard(1, 10, 0),
        Heard(1, 10, 1),
        Heard(2, 30, 2),
        Heard(1, 20, 3),
        Heard(2, None, 4),
        Heard(2, 40, 5),
        Heard(3, 50, 6),
    ]
    assert taken(log) == {(1, 10): 0, (2, 30): 2, (3, 50): 6}


def test_what_a_consumer_lost_is_found_by_its_offsets() -> None:
    noted = [note(1, offset=7), note(2), note(3, offset=8), note(4, offset=12)]
    assert lost_to_consumers(noted, [Lost(5, 8, 11), Lost(6, 0, 99)]) == [noted[2]]
    delivered = [one for one in noted if one.line.offset >= 0]
    assert lost_to_consumers(delivered, [LostUntil(5, 3), LostUntil(6, 9)]) == [noted[0], noted[2]]
    assert lost_to_consumers(noted, []) == []


def test_a_span_waits_for_its_right_margin_while_its_run_goes_on() -> None:
    noted = [note(BEGIN_MS + second * 1000, offset=second) for second in range(20)]
    early, late = spans([noted[4], noted[15]], noted, 1.0)
    assert ripe([early, late], noted, below_run=1) == [early]
    assert ripe([early, late], noted, below_run=2) == [early, late]
    assert early.samples[-1].line.t_ms == BEGIN_MS + 4000 + REACH_MS + 1000


def test_where_the_film_breaks_off_the_last_samples_are_missing() -> None:
    noted = [note(10 * number) for number in range(5)]

    def lacking(rows: int, last_t_ms: int | None, first_ms: int = 0, last_ms: int = 40) -> list[Lacking]:
        return list(not_shown(noted, [Done(Reach(first_ms, last_ms), rows, last_t_ms)]))

    assert lacking(5, 40) == []
    assert lacking(3, 20) == [Lacking(2, Reach(30, 40))]
    assert lacking(0, None) == [Lacking(5, Reach(0, 40))]
    assert lacking(2, 20) == [Lacking(3, Reach(0, 40))], "one of the first is missing too"
    assert lacking(0, None, 10, 10) == [Lacking(1, Reach(10, 10))], "of another owner's span the first sample is known"


@pytest.mark.parametrize(("open_at", "expected"), [((), 90), ((0,), 10), ((1, 2), 50)])
def test_looking_begins_at_the_oldest_segment_that_is_not_settled(open_at: Sequence[int], expected: int) -> None:
    noted = [note(start, segment=Segment(start, 1)) for start in (10, 50, 90)]
    assert settled_ms(noted, [noted[index] for index in open_at]) == expected
    assert settled_ms([], []) is None


def test_a_chunk_names_the_segments_that_show_its_samples() -> None:
    first, second = Segment(BEGIN_MS, 1), Segment(BEGIN_MS + 2000, 2)
    noted = [note(BEGIN_MS + second_ * 1000, segment=first if second_ < 2 else second) for second_ in range(4)]
    chunk = span_chunk(source(1.0), LostSpan(tuple(noted[1:3]), tuple(noted)))
    assert [(one.start_ms, one.run, one.times_ms) for one in chunk.recorded] == [
        (BEGIN_MS, 1, (BEGIN_MS, BEGIN_MS + 1000)),
        (BEGIN_MS + 2000, 2, (BEGIN_MS + 2000, BEGIN_MS + 3000)),
    ]
    assert (chunk.start_ms, chunk.end_ms, chunk.captured_from_ms) == (BEGIN_MS + 1000, BEGIN_MS + 2001, 0)


def source(sample_fps: float) -> Source:
    return Source(source_id="captured-x", kind="camera", life=3, lives=(Life(life=3, began_ms=0),), sample_fps=sample_fps)


def unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def rows(
    smoothing: Smoothing, stream: str, noted: Sequence[Noted], pictures: dict[int, np.ndarray], reach: Reach | None = None
) -> dict[int, np.ndarray]:
    """Return what the indexer writes of one stream; without a reach all samples become rows."""
    index = PartitionIndex(smoothing, 0, resumed=True)
    for seq, one in enumerate((*noted, None)):
        t_ms = None if one is None else one.line.t_ms
        headers = EmbeddingHeaders(
            source_id="captured-x",
            t_ms=t_ms,
            stream=stream,
            life=3,
            run=0,
            seq=None if t_ms is None else seq,
            context=t_ms is not None and reach is not None and not reach.first_ms <= t_ms <= reach.last_ms,
            mark="run_end" if t_ms is None else None,
            space="test@00000000",
        )
        vector = None if t_ms is None else pictures[t_ms]
        index.feed(Entry(seq, 0, headers, 3, closes_when_quiet=False, done=False, vector=vector))
    return {row.t_ms: row.vector for row in index.drain().rows}

"""Segments of a score curve, by example and by property."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.curves import Rows, cut
from services.query.question import Question
from services.query.segments import GAP_PERIODS, Segment, find_segments, split, threshold
from services.query.windows import Window
from tests.query.corpus import file_source

PERIOD_MS = 500


def curve(*levels: tuple[float, float]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return a curve at 2 samples/s from (seconds, level) pieces."""
    scores = np.concatenate([np.full(int(seconds * 2), level) for seconds, level in levels])
    return np.arange(scores.size, dtype=np.int64) * PERIOD_MS, scores


def smoothed(scores: npt.NDArray[np.float64], sigma_seconds: float = 1.0) -> npt.NDArray[np.float64]:
    """Return a curve as smoothing leaves it: a truncated Gaussian of up to three sigmas."""
    offsets = np.arange(scores.size) * PERIOD_MS / 1000
    distance = offsets[:, None] - offsets[None, :]
    weights = np.where(np.abs(distance) <= 3 * sigma_seconds, np.exp(-(distance**2) / (2 * sigma_seconds**2)), 0)
    return np.asarray(weights @ scores / weights.sum(axis=1))


def spans(segments: list[Segment]) -> list[tuple[int, int]]:
    return [(segment.start_ms, segment.end_ms) for segment in segments]


def test_a_moment_is_one_segment_that_ends_half_a_sample_beyond_it() -> None:
    t_ms, scores = curve((10, 0.1), (5, 0.3), (10, 0.1))
    assert spans(find_segments(t_ms, scores, 0.0, PERIOD_MS)) == [(9_750, 14_750)]


@pytest.mark.parametrize("seconds", [5, 10, 20])
def test_smoothing_does_not_move_the_edges_of_a_moment(seconds: int) -> None:
    t_ms, scores = curve((15, 0.1), (seconds, 0.3), (15, 0.1))
    ((start_ms, end_ms),) = spans(find_segments(t_ms, smoothed(scores), 0.0, PERIOD_MS))
    assert start_ms == pytest.approx(15_000, abs=PERIOD_MS)
    assert end_ms == pytest.approx(15_000 + seconds * 1000, abs=PERIOD_MS)


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_a_moment_as_short_as_the_smoothing_is_held_whole(seconds: int) -> None:
    t_ms, scores = curve((10, 0.1), (seconds, 0.3), (10, 0.1))
    ((start_ms, end_ms),) = spans(find_segments(t_ms, smoothed(scores), 0.0, PERIOD_MS))
    assert 10_000 - 1_250 <= start_ms <= 10_000
    assert 10_000 + seconds * 1000 - PERIOD_MS <= end_ms <= 10_000 + seconds * 1000 + 1_250


def test_a_stretch_that_matches_everywhere_is_one_segment() -> None:
    t_ms, scores = curve((60, 0.3))
    noisy = scores + 0.02 * np.random.default_rng(0).normal(size=scores.size)
    assert spans(find_segments(t_ms, noisy, 0.0, PERIOD_MS)) == [(-250, 59_750)]


def test_two_moments_are_two_segments_and_a_short_dip_is_none() -> None:
    t_ms, scores = curve((5, 0.1), (5, 0.3), (6, 0.1), (5, 0.3), (1, 0.1), (4, 0.3), (5, 0.1))
    assert spans(find_segments(t_ms, scores, 0.0, PERIOD_MS)) == [(4_750, 9_750), (15_750, 25_750)]


def test_a_gap_ends_a_segment() -> None:
    t_ms, scores = curve((10, 0.3))
    t_ms[10:] += 60_000
    segments = find_segments(t_ms, scores, 0.0, PERIOD_MS)
    assert spans(segments) == [(-250, 4_750), (64_750, 69_750)]


def test_a_single_row_is_a_segment_of_one_period() -> None:
    only = np.array([7_000], np.int64)
    assert find_segments(only, np.array([0.2]), 0.0, 1_000) == [Segment(6_500, 7_500, 0)]
    assert find_segments(only[:0], np.array([]), 0.0, 1_000) == []


def test_the_peak_is_the_best_row() -> None:
    t_ms, scores = curve((5, 0.1), (5, 0.3), (5, 0.1))
    scores[13] = 0.35
    assert [segment.peak for segment in find_segments(t_ms, scores, 0.0, PERIOD_MS)] == [13]


def test_a_flat_curve_has_one_level_and_a_step_has_two() -> None:
    assert np.allclose(split(np.full(20, 0.2)), (0.2, 0.2))
    assert np.allclose(split(np.repeat([0.1, 0.3], 10)), (0.1, 0.3))


@st.composite
def curves(draw: st.DrawFn) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Draw any curve: irregular times, gaps, any scores."""
    steps = draw(st.lists(st.integers(1, 5_000), min_size=1, max_size=60))
    t_ms = np.cumsum(steps).astype(np.int64) + draw(st.integers(-10_000, 10_000))
    scores = draw(st.lists(st.floats(-1, 1, width=32), min_size=len(steps), max_size=len(steps)))
    return t_ms, np.array(scores, np.float64)


@given(curves(), st.floats(-0.5, 0.5), st.integers(1, 2_000))
def test_segments_never_overlap_and_cover_every_row_above_the_threshold(
    drawn: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]], background: float, period_ms: int
) -> None:
    t_ms, scores = drawn
    segments = find_segments(t_ms, scores, background, period_ms)
    assert segments
    assert all(segment.end_ms > segment.start_ms for segment in segments)
    assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(segments))
    for moment, score in zip(t_ms, scores, strict=True):
        inside = [segment for segment in segments if segment.start_ms <= moment < segment.end_ms]
        assert len(inside) == 1 or (not inside and score < threshold(scores, background))
    for segment in segments:
        mine = (t_ms >= segment.start_ms) & (t_ms < segment.end_ms)
        assert scores[segment.peak] == scores[mine].max()
        assert np.diff(t_ms[mine]).max(initial=0) <= GAP_PERIODS * max(
            period_ms, np.median(np.diff(t_ms)) if t_ms.size > 1 else 0
        )


@pytest.mark.parametrize("rate", [5e-324, 1e-320, 0.001, 60.0])
def test_a_source_of_any_rate_has_a_curve(rate: float) -> None:
    source, window = file_source("slow", sample_fps=rate), Window(1, 1, 0, 20_000)
    one = np.ones(1, np.int64)
    rows = Rows(one, one, 10_000 * one, -one, one < 0, np.ones((1, 1), np.float32))
    question = Question(np.ones(1, np.float32), 0.0, None)
    ((_, curve),) = cut(rows, [window], question, {1: source}).items()
    ((start_ms, end_ms),) = spans(curve.segments)
    assert start_ms <= 10_000 < end_ms


@given(curves(), st.integers(-(10**9), 10**9))
def test_segments_move_with_the_timeline(drawn: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]], shift_ms: int) -> None:
    t_ms, scores = drawn
    here, there = (find_segments(times, scores, 0.0, PERIOD_MS) for times in (t_ms, t_ms + shift_ms))
    assert spans(there) == [(start_ms + shift_ms, end_ms + shift_ms) for start_ms, end_ms in spans(here)]

"""Which packets are decoded: all that a sample needs, and little else."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.decoder.cameras.cadence import OVERDUE_GOPS, Cadence
from services.decoder.sampling import Grid

FRAME_MS = 40


def watch(
    cadence: Cadence, grid: Grid, gop_frames: int, count: int, from_ms: int = 10_000_000
) -> Iterator[tuple[int, bool, bool]]:
    """Yield time, whether it is decoded, whether it is a sample, of frames that are shown as they come."""
    last_ms: int | None = None
    for number in range(count):
        t_ms = from_ms + FRAME_MS * number
        decoded = cadence.wants(t_ms, last_ms, keyframe=number % gop_frames == 0)
        sample = decoded and grid.is_sample(last_ms, t_ms)
        last_ms = t_ms if decoded else last_ms
        yield t_ms, decoded, sample


def test_keyframes_alone_are_decoded_where_they_come_often_enough() -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    seen = list(watch(cadence, grid, gop_frames=25, count=500))
    after_learning = [(decoded, sample) for _, decoded, sample in seen[25:]]
    assert cadence.keyframes_alone
    assert sum(decoded for decoded, _ in after_learning) == 19
    assert all(sample == decoded for decoded, sample in after_learning)


def test_more_keyframes_than_samples_are_not_decoded() -> None:
    grid = Grid(0.5)
    seen = list(watch(Cadence(grid, 2000.0), grid, gop_frames=5, count=500))
    assert sum(decoded for _, decoded, _ in seen[10:]) <= 10


def test_the_rest_of_a_long_gop_is_left_out_once_its_samples_are_taken() -> None:
    grid = Grid(1.0)
    seen = list(watch(Cadence(grid, 1000.0), grid, gop_frames=50, count=500))
    decoded = sum(decoded for _, decoded, _ in seen[100:])
    assert 200 <= decoded <= 230, "of each two seconds the first is decoded, the second is not"


def test_what_is_known_of_keyframes_outlives_a_run() -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    list(watch(cadence, grid, gop_frames=25, count=100))
    cadence.begin_run()
    assert cadence.keyframes_alone


@given(st.integers(1, 120), st.sampled_from([0.2, 0.5, 1.0, 2.0, 4.0]))
def test_every_grid_point_has_its_sample_within_a_gop(gop_frames: int, fps: float) -> None:
    grid, period_ms = Grid(fps), 1000 / fps
    samples = [t_ms for t_ms, _, sample in watch(Cadence(grid, period_ms), grid, gop_frames, count=1500) if sample]
    widest = max(later - earlier for earlier, later in pairwise(samples))
    gop_ms = gop_frames * FRAME_MS
    assert widest <= period_ms + min(gop_ms, period_ms) + FRAME_MS


def test_a_keyframe_that_comes_late_ends_nothing() -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    list(watch(cadence, grid, gop_frames=50, count=101))
    assert cadence.wants(99_000_000, 98_000_000, keyframe=True)


LATER_MS = 10_020_000
NEVER = 1_000_000


def sampled_seconds(cadence: Cadence, grid: Grid, gop_frames: int, seconds: int) -> list[int]:
    """Return in which seconds of what follows there are samples."""
    frames = watch(cadence, grid, gop_frames, count=25 * seconds, from_ms=LATER_MS)
    return [(t_ms - LATER_MS) // 1000 for t_ms, _, sample in frames if sample]


@pytest.mark.parametrize("known_frames", [25, 50])
@pytest.mark.parametrize("gop_seconds", [30, 300])
def test_keyframes_that_become_rare_are_soon_missed_and_what_came_since_is_wanted(known_frames: int, gop_seconds: int) -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    list(watch(cadence, grid, known_frames, count=500))
    seconds = sampled_seconds(cadence, grid, 25 * gop_seconds, seconds=3 * gop_seconds)
    missed_at = 1 + OVERDUE_GOPS * known_frames // 25
    assert [second for second in seconds if second >= missed_at] == list(range(missed_at, 3 * gop_seconds))


@pytest.mark.parametrize("known_frames", [25, 50, NEVER])
@pytest.mark.parametrize("gop_frames", [25, 750, NEVER])
def test_a_connection_is_sampled_whole_however_rare_its_keyframes_are(known_frames: int, gop_frames: int) -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    list(watch(cadence, grid, known_frames, count=500))
    cadence.begin_connection()
    cadence.begin_run()
    assert sampled_seconds(cadence, grid, gop_frames, seconds=100) == list(range(100))
    assert cadence.keyframes_alone == (gop_frames == 25)


def test_a_keyframe_that_is_lost_raises_no_doubt() -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    list(watch(cadence, grid, gop_frames=25, count=500))
    for number in range(101):
        cadence.wants(LATER_MS + FRAME_MS * number, LATER_MS, keyframe=number in {0, 50, 75, 100})
        assert cadence.keyframes_alone


def test_what_is_waited_for_is_what_was_known_until_another_is_seen() -> None:
    grid = Grid(1.0)
    cadence = Cadence(grid, 1000.0)
    list(watch(cadence, grid, gop_frames=1_000, count=2_001))
    cadence.begin_connection()
    cadence.begin_run()
    assert cadence.gop_ms == 40_000

"""From pts to t_ms."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.decoder.timeline import Timeline

TS = Fraction(1, 90_000)
WRAP = 1 << 33


def placed(timeline: Timeline, pts: list[int]) -> list[int | None]:
    return [timeline.place(value) for value in pts]


def test_time_begins_at_the_first_frame_wherever_its_timestamp_lies() -> None:
    assert placed(Timeline(Fraction(1, 1000), 8_333), [8_333, 8_366, 8_433]) == [0, 33, 100]


def test_negative_timestamps_are_timestamps() -> None:
    assert placed(Timeline(Fraction(1, 12_800), -1024), [-1024, -512, 0, 512]) == [0, 40, 80, 120]


def test_times_are_floored_and_never_rounded_up() -> None:
    assert placed(Timeline(Fraction(1001, 30_000), 0), [0, 1, 2, 3]) == [0, 33, 66, 100]


def test_a_frame_without_a_timestamp_has_no_time() -> None:
    assert Timeline(TS, 0).place(None) is None


def test_a_frame_that_repeats_or_steps_back_has_no_time_of_its_own() -> None:
    assert placed(Timeline(Fraction(1, 1000), 0), [0, 40, 40, 20, 80]) == [0, 40, None, None, 80]


def test_a_frame_later_than_any_reader_takes_has_no_time() -> None:
    assert placed(Timeline(Fraction(1), 0), [0, 1, 1 << 60, 2]) == [0, 1000, None, 2000]


def test_a_place_to_seek_fits_into_what_a_container_counts_with() -> None:
    timeline = Timeline(Fraction(1, 4_000_000_000), -(1 << 62))
    assert abs(timeline.pts_of(1 << 53)) < 1 << 63
    assert abs(timeline.pts_of(-(1 << 53))) < 1 << 63
    assert Timeline(TS, 90_000).pts_of(1_000) == 180_000


def test_a_frame_before_the_first_has_no_time() -> None:
    assert Timeline(Fraction(1, 1000), 100).place(60) is None


def test_a_wrap_of_mpeg_ts_goes_on_without_a_step() -> None:
    first = WRAP - 9_000
    timeline = Timeline(TS, first, WRAP)
    assert placed(timeline, [first, WRAP - 3_600, 0, 3_600, 90_000]) == [0, 60, 100, 140, 1100]


def test_a_recording_put_together_from_two_goes_on_after_the_first() -> None:
    timeline = Timeline(TS, 900_000, WRAP)
    assert placed(timeline, [900_000, 990_000, 90_000, 93_600]) == [0, 1000, 1001, 1041]


def test_a_second_part_that_ffmpeg_takes_for_wrapped_goes_on_after_the_first_too() -> None:
    timeline = Timeline(TS, 9_000_000, WRAP)
    assert placed(timeline, [9_000_000, 9_090_000, WRAP, WRAP + 3_600, 7_200]) == [0, 1000, 1001, 1041, 1081]


def test_a_gap_in_which_timestamps_wrap_is_a_gap() -> None:
    timeline = Timeline(TS, WRAP - 90_000, WRAP)
    assert placed(timeline, [WRAP - 90_000, 90_000 * 4, WRAP + 90_000 * 5]) == [0, 5_000, 6_000]


def test_elsewhere_a_step_back_is_left_out_until_time_catches_up() -> None:
    timeline = Timeline(Fraction(1, 1000), 0)
    assert placed(timeline, [0, 5_000, 1_000, 4_000, 5_040]) == [0, 5_000, None, None, 5_040]


@given(
    steps=st.lists(st.integers(-(1 << 34), 1 << 34), max_size=60),
    base=st.sampled_from([TS, Fraction(1, 1000), Fraction(1001, 30_000), Fraction(1, 48_000)]),
    wrap=st.sampled_from([None, WRAP]),
)
def test_times_always_increase(steps: list[int], base: Fraction, wrap: int | None) -> None:
    timeline = Timeline(base, steps[0] if steps else 0, wrap)
    times = [t for t in placed(timeline, steps) if t is not None]
    assert times == sorted(set(times))
    assert not times or times[0] >= 0


@given(pts=st.integers(-(10**9), 10**9), first=st.integers(-(10**6), 10**6))
def test_the_pts_of_a_time_is_the_last_that_is_not_later(pts: int, first: int) -> None:
    timeline = Timeline(TS, first)
    t_ms = (pts - first) * 1000 // 90_000
    assert (timeline.pts_of(t_ms) - first) * 1000 // 90_000 <= t_ms < (timeline.pts_of(t_ms + 1) - first + 90) * 1000 // 90_000

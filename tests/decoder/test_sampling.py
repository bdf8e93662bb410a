"""The sampling grid: a function of the timeline alone."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from services.decoder.sampling import Grid


@dataclass(frozen=True)
class At:
    t_ms: int


def sampled(times: list[int], fps: float, from_ms: int = 0) -> list[int]:
    return [frame.t_ms for frame in Grid(fps).samples(map(At, times), from_ms) if frame]


def test_each_sample_is_the_first_frame_at_or_after_its_grid_point() -> None:
    assert sampled([0, 80, 160, 240, 320, 400, 480, 560, 1040, 1120], 2.0) == [0, 560, 1040]


def test_a_frame_that_covers_several_grid_points_is_sampled_once() -> None:
    assert sampled([0, 3100, 3200, 3500], 2.0) == [0, 3100, 3500]


def test_a_frame_exactly_on_the_grid_is_its_sample() -> None:
    assert sampled([0, 499, 500, 501, 1000], 2.0) == [0, 500, 1000]


def test_a_video_slower_than_the_grid_is_sampled_whole() -> None:
    assert sampled([0, 900, 1800, 2700], 2.0) == [0, 900, 1800, 2700]


def test_a_period_that_is_no_whole_number_of_milliseconds_does_not_drift() -> None:
    assert sampled(list(range(10_001)), 3.0) == [-(-k * 1000 // 3) for k in range(31)]


def test_a_tenth_of_a_sample_a_second_is_exactly_one_in_ten_seconds() -> None:
    assert sampled(list(range(0, 100_001, 100)), 0.1) == list(range(0, 100_001, 10_000))


times = st.lists(st.integers(1, 900), max_size=200).map(lambda gaps: [sum(gaps[:i]) for i in range(len(gaps) + 1)])
rates = st.sampled_from([0.1, 0.5, 1.0, 2.0, 2.5, 3.0, 7.3, 25.0, 60.0])


@given(times=times, fps=rates)
def test_samples_are_those_of_the_definition(times: list[int], fps: float) -> None:
    last_point = int(times[-1] * fps / 1000) + 1
    definition = {next((t for t in times if t * fps >= k * 1000 - 1e-6), None) for k in range(last_point + 1)} - {None}
    assert set(sampled(times, fps)) == definition


@given(times=times, fps=rates, begin=st.integers(0, 199), ahead=st.integers(1, 50))
def test_reading_that_begins_in_the_middle_finds_the_same_samples(times: list[int], fps: float, begin: int, ahead: int) -> None:
    begin %= len(times)
    from_ms = times[min(begin + ahead, len(times) - 1)] if begin + ahead < len(times) else times[-1] + 1
    whole = [t for t in sampled(times, fps) if t >= from_ms]
    assert sampled(times[begin:], fps, from_ms) == whole

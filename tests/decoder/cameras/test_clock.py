"""A camera's clock: right times that never go back, whatever the network and the camera's own clock do."""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.decoder.cameras.clock import CameraClock, Moment

NOW = 1_763_625_600_000.0
FRAME = 40.0
PERIOD = 1000.0


def run(clock: CameraClock, packets: Sequence[tuple[float, float, float | None]]) -> list[Moment]:
    placed = []
    for pts_ms, arrival_ms, reported_ms in packets:
        clock.hear(pts_ms, arrival_ms)
        placed.append(clock.place(pts_ms, reported_ms))
    return placed


def steady(
    count: int, *, late_ms: float = 5.0, reported_off_ms: float | None = None, pts_from: float = 0.0, at: float = NOW
) -> Iterator[tuple[float, float, float | None]]:
    for number in range(count):
        taken = at + FRAME * number
        yield pts_from + FRAME * number, taken + late_ms, None if reported_off_ms is None else taken + reported_off_ms


def times(moments: list[Moment]) -> list[int]:
    return [moment.t_ms for moment in moments]


def test_without_reports_the_earliest_arrival_counts() -> None:
    clock = CameraClock(PERIOD)
    packets = [(pts, arrival + (300 if number % 5 else 0), None) for number, (pts, arrival, _) in enumerate(steady(100))]
    placed = times(run(clock, packets))
    assert all(abs(t_ms - (NOW + FRAME * number)) <= 6 for number, t_ms in enumerate(placed))
    assert clock.source == "arrival"


def test_a_burst_at_the_beginning_is_placed_where_it_was_taken() -> None:
    clock = CameraClock(PERIOD)
    burst = [(FRAME * number, NOW + 1000 + number, None) for number in range(25)]  # a second of pictures at once
    after = [(1000 + FRAME * number, NOW + 1030 + FRAME * number, None) for number in range(10)]
    for pts_ms, arrival_ms, _ in burst + after:
        clock.hear(pts_ms, arrival_ms)
    placed = [clock.place(pts_ms, None) for pts_ms, _, _ in burst + after]
    assert [moment.anew for moment in placed] == [True] + [False] * 34
    assert all(abs(t_ms - (NOW + FRAME * number)) <= 65 for number, t_ms in enumerate(times(placed)))


def test_reports_within_two_seconds_are_believed() -> None:
    clock = CameraClock(PERIOD)
    placed = run(clock, list(steady(50, late_ms=80, reported_off_ms=0.0)))
    assert times(placed) == [int(NOW + FRAME * number) for number in range(50)]
    assert (clock.source, clock.off_ms) == ("reports", -80)


def test_a_camera_that_is_hours_off_is_told_and_not_believed() -> None:
    clock = CameraClock(PERIOD)
    placed = times(run(clock, list(steady(50, reported_off_ms=-7_200_000.0))))
    assert abs(placed[0] - NOW) <= 6
    assert clock.source == "arrival"
    assert abs((clock.off_ms or 0) + 7_200_000) <= 10


def test_a_report_that_differs_by_little_is_approached_without_a_break() -> None:
    clock = CameraClock(PERIOD)
    first = run(clock, list(steady(10, late_ms=200)))
    rest = run(clock, [(pts + 400, arrival + 400, (arrival - 200) + 400) for pts, arrival, _ in steady(2000, late_ms=200)])
    moments = first + rest
    assert sum(moment.anew for moment in moments) == 1
    assert abs(moments[-1].t_ms - (NOW + 400 + FRAME * 1999)) <= 1


def test_a_correction_of_more_than_half_a_period_begins_anew() -> None:
    clock = CameraClock(PERIOD)
    run(clock, list(steady(10)))
    clock.hear(400, NOW + 405)
    moment = clock.place(400, NOW + 400 + 900)
    assert moment.anew


@given(st.floats(1, 300))
def test_a_camera_that_sends_a_day_in_minutes_never_runs_ahead_of_time(speed: float) -> None:
    clock = CameraClock(PERIOD)
    packets = [(FRAME * number, NOW + FRAME * number / speed, None) for number in range(3000)]
    moments = run(clock, packets)
    assert all(
        moment.t_ms <= arrival_ms + PERIOD / 2 + FRAME for moment, (_, arrival_ms, _) in zip(moments, packets, strict=True)
    )
    assert all(one.t_ms <= other.t_ms for one, other in pairwise(moments))


def test_a_correction_into_the_past_slows_time_until_it_is_right() -> None:
    clock = CameraClock(PERIOD)
    run(clock, list(steady(10, late_ms=900)))
    moments = run(clock, [(pts + 400, arrival + 400, arrival - 900 + 400) for pts, arrival, _ in steady(6000, late_ms=900)])
    assert not any(moment.anew for moment in moments)
    assert abs(times(moments)[-1] - (NOW + 400 + FRAME * 5999)) <= 1


def test_timestamps_that_jump_ahead_begin_anew_at_the_time_of_arrival() -> None:
    clock = CameraClock(PERIOD)
    run(clock, list(steady(10)))
    placed = run(clock, list(steady(10, pts_from=5_000_000.0, at=NOW + 400)))
    assert [moment.anew for moment in placed] == [True] + [False] * 9
    assert abs(times(placed)[0] - (NOW + 400)) <= 6


def test_timestamps_that_jump_back_begin_anew_at_the_time_of_arrival() -> None:
    clock = CameraClock(PERIOD)
    run(clock, list(steady(100, pts_from=9_000_000.0)))
    placed = run(clock, list(steady(10, at=NOW + 4000)))
    assert times(placed)[0] >= NOW + 4000
    assert next(moment.anew for moment in placed)


def test_packets_that_were_held_up_keep_the_times_at_which_they_were_taken() -> None:
    clock = CameraClock(PERIOD)
    run(clock, list(steady(50)))
    held = [(2000 + FRAME * number, NOW + 7000 + number, None) for number in range(125)]  # five seconds at once
    placed = run(clock, held)
    assert not any(moment.anew for moment in placed)
    assert all(abs(t_ms - (NOW + 2000 + FRAME * number)) <= 10 for number, t_ms in enumerate(times(placed)))


def test_what_a_camera_sends_again_after_a_reconnect_is_told_as_repeated() -> None:
    clock = CameraClock(PERIOD, last_ms=int(NOW) + 500)
    moments = run(clock, list(steady(20)))
    assert [moment.repeated for moment in moments] == [FRAME * number + 5 <= 500 for number in range(20)]
    assert abs(moments[0].t_ms - NOW) <= 6, "it keeps its own time: later frames need it, and the recording has it"


def test_frames_in_the_order_of_decoding_have_the_times_at_which_they_are_shown() -> None:
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]
    packets = [(FRAME * number, NOW + FRAME * place + 5, NOW + FRAME * number) for place, number in enumerate(order)]
    moments = run(CameraClock(PERIOD), packets)
    assert times(moments) == [int(NOW + FRAME * number) for number in order]
    assert not any(moment.repeated for moment in moments)


@given(
    st.lists(
        st.tuples(st.floats(-5000, 20_000), st.floats(0, 5000), st.one_of(st.none(), st.floats(-10_000, 10_000))), max_size=60
    )
)
def test_no_time_of_an_earlier_stretch_is_given_again(steps: list[tuple[float, float, float | None]]) -> None:
    clock, pts_ms, arrival_ms = CameraClock(PERIOD), 0.0, NOW
    highest_ms = before_ms = 0
    for ahead_ms, waited_ms, off_ms in steps:
        pts_ms, arrival_ms = pts_ms + ahead_ms, arrival_ms + waited_ms
        clock.hear(pts_ms, arrival_ms)
        moment = clock.place(pts_ms, None if off_ms is None else arrival_ms + off_ms)
        before_ms = highest_ms if moment.anew else before_ms
        highest_ms = max(highest_ms, moment.t_ms)
        assert moment.repeated == (moment.t_ms <= before_ms)


@given(st.lists(st.tuples(st.floats(1, 400), st.floats(-900, 900)), max_size=200))
def test_times_rise_with_the_frames_however_reports_wander(steps: list[tuple[float, float]]) -> None:
    clock, pts_ms, moments = CameraClock(PERIOD), 0.0, []
    for ahead_ms, off_ms in steps:
        pts_ms += ahead_ms
        clock.hear(pts_ms, NOW + pts_ms)
        moments.append(clock.place(pts_ms, NOW + pts_ms + off_ms))
    fresh = [moment.t_ms for moment in moments if not moment.repeated]
    assert all(one <= other for one, other in pairwise(fresh))


TAKEN_EVERY = 50.0


def counted(
    share: float,
    seconds: float,
    *,
    reported: bool = False,
    late_ms: Callable[[float], float] = lambda _: 20.0,
    after: float = 0.0,
) -> Iterator[tuple[float, float, float | None]]:
    """Yield the packets of a camera that sends 20 pictures a second, whose timestamps go at this share of time.

    `late_ms` is by how much the network holds up what is sent so many seconds after the first; reports come every five seconds.
    """
    arrival_ms, report = 0.0, (0.0, 0.0)
    for number in range(round(1000 * after / TAKEN_EVERY), round(1000 * (after + seconds) / TAKEN_EVERY)):
        taken, pts_ms = TAKEN_EVERY * number, share * TAKEN_EVERY * number
        arrival_ms = max(arrival_ms, NOW + taken + late_ms(taken / 1000))
        report = (taken, pts_ms) if number % 100 == 0 else report
        yield pts_ms, arrival_ms, NOW + report[0] + pts_ms - report[1] if reported else None


def lags(moments: list[Moment], first: int = 0) -> list[float]:
    """Return by how much times are earlier than the pictures were taken, from the `first` one on."""
    return [NOW + TAKEN_EVERY * number - moment.t_ms for number, moment in enumerate(moments)][first:]


MINUTE = round(60_000 / TAKEN_EVERY)


@pytest.mark.parametrize("reported", [False, True])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95, 0.99])
def test_slow_timestamps_are_followed_by_the_latest_arrivals_after_a_minute(share: float, reported: bool) -> None:
    clock = CameraClock(PERIOD)
    moments = run(clock, list(counted(share, 300, reported=reported)))
    after_a_minute = MINUTE + 100
    assert all(-25 <= lag <= 5_000 * (1 - share) for lag in lags(moments, after_a_minute))
    assert not any(moment.anew or moment.repeated for moment in moments[after_a_minute:])
    assert all(one.t_ms < other.t_ms for one, other in pairwise(moments[after_a_minute:]))
    assert (clock.source, clock.off_ms) == ("arrival", None), "its reports are wrong by as much as its timestamps"


def test_slow_timestamps_that_are_held_up_keep_their_times_and_begin_anew_once() -> None:
    moments = run(CameraClock(PERIOD), list(counted(0.8, 300, late_ms=held_up(100, 200))))
    anew = [round(number * TAKEN_EVERY / 1000) for number, moment in enumerate(moments) if moment.anew]
    assert [second for second in anew if second > 61] == [114, 214]
    assert all(-25 <= lag <= 5_000 * 0.2 + 10_000 * 0.2 for lag in lags(moments, MINUTE + 100))


def held_up(*starts: float) -> Callable[[float], float]:
    """Return a network that holds up all for ten seconds at times and delivers it at once then."""
    return lambda second: 20.0 + max([0.0, *(1000 * (start + 10 - second) for start in starts if start <= second < start + 10)])


def test_timestamps_that_are_right_again_are_followed_and_reports_believed_again() -> None:
    clock = CameraClock(PERIOD)
    slow = list(counted(0.8, 120, reported=True))
    lost_ms = 120_000 * 0.2
    right = [(pts_ms - lost_ms, arrival_ms, told) for pts_ms, arrival_ms, told in counted(1.0, 240, reported=True, after=120)]
    moments = run(clock, slow + right)
    assert not any(moment.anew for moment in moments[MINUTE + 100 :])
    assert all(one.t_ms <= other.t_ms for one, other in pairwise(moments))
    assert all(abs(lag) <= 25 for lag in lags(moments, 4 * MINUTE))
    assert clock.source == "reports"


@settings(max_examples=25)
@given(st.lists(st.floats(0, 10), max_size=30), st.integers(0, 1000), st.booleans())
def test_a_network_that_holds_up_what_it_likes_for_seconds_makes_no_timestamps_slow(
    stalls: list[float], seed: int, reported: bool
) -> None:
    jitter = random.Random(seed)
    held = [(10.0 * number, seconds) for number, seconds in enumerate(stalls, 1)]

    def late_ms(second: float) -> float:
        return jitter.uniform(20, 500) + max(
            [0.0, *(1000 * (at + long - second) for at, long in held if at <= second < at + long)]
        )

    clock = CameraClock(PERIOD)
    moments = run(clock, list(counted(1.0, 300, reported=reported, late_ms=late_ms)))
    assert sum(moment.anew for moment in moments) == 1
    assert all(-500 <= lag <= 0 for lag in lags(moments))


def test_a_network_that_is_ever_more_behind_leaves_reports_that_go_on_as_time_does_believed() -> None:
    clock = CameraClock(PERIOD)
    moments = run(clock, list(counted(1.0, 150, reported=True, late_ms=lambda second: 20.0 + 15 * second)))
    assert set(lags(moments)) == {0.0}
    assert clock.source == "reports"

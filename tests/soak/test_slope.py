"""What a slope says of a value that stays, grows or jumps."""

import numpy as np
import pytest

from bench.soak.slope import HOUR_SECONDS, STRETCHES, Slope, medians, saw, theil_sen, warm


def noisy(an_hour: float, seed: int = 0, noise: float = 0.5) -> list[tuple[float, float]]:
    rng = np.random.default_rng(seed)
    return [(at, 100 + an_hour * at / HOUR_SECONDS + rng.normal(0, noise)) for at in np.linspace(0, HOUR_SECONDS, STRETCHES)]


def test_a_line_has_its_slope_and_no_doubt() -> None:
    slope = theil_sen([(at, 7 + 2 * at / HOUR_SECONDS) for at in range(0, 3600, 60)])
    assert (slope.an_hour, slope.low, slope.high) == pytest.approx((2, 2, 2))


def test_a_value_that_never_changes_is_flat() -> None:
    assert theil_sen([(at, 31.0) for at in range(10)]) == Slope(0.0, 0.0, 0.0)


def test_the_interval_is_the_one_that_is_worked_out_by_hand() -> None:
    """Ten slopes, -2 -1 1 2 2 2 2.5 3.3 5 6, and S varies by 50/3: the middle 1.96 * 4.08 of ten reach from first to last."""
    points = [(0.0, 10.0), (1.0, 15.0), (2.0, 14.0), (3.0, 20.0), (4.0, 18.0)]
    slope = theil_sen(points)
    assert (slope.an_hour, slope.low, slope.high) == pytest.approx((2 * HOUR_SECONDS, -2 * HOUR_SECONDS, 6 * HOUR_SECONDS))


def test_the_interval_holds_the_true_slope_about_nineteen_times_in_twenty() -> None:
    slopes = [theil_sen(noisy(3.0, seed)) for seed in range(200)]
    held = sum(one.low <= 3.0 <= one.high for one in slopes)
    assert 180 <= held <= 198


def test_a_leak_is_no_noise_and_noise_is_no_leak() -> None:
    assert not theil_sen(noisy(3.0)).is_flat(tolerated_an_hour=1.0)
    assert theil_sen(noisy(0.0)).is_flat(tolerated_an_hour=0.0)
    assert theil_sen(noisy(-5.0)).is_flat(tolerated_an_hour=0.0)
    assert theil_sen(noisy(0.5, noise=0.01)).is_flat(tolerated_an_hour=1.0)


def test_a_spike_is_no_trend() -> None:
    points = [(float(at), 100.0 + (900.0 if 3000 <= at < 3100 else 0.0)) for at in range(0, 3600, 5)]
    assert theil_sen(medians(points)).is_flat(tolerated_an_hour=0.0)


def test_medians_are_of_equal_stretches_and_leave_out_empty_ones() -> None:
    assert medians([(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (9.0, 5.0), (10.0, 7.0)], 3) == [(1.0, 2.0), (9.5, 6.0)]
    assert medians([], 3) == []


def test_a_saw_is_as_high_as_its_teeth_and_a_step_is_no_saw() -> None:
    assert saw([(float(at), 100.0 + at % 10) for at in range(3600)]) == pytest.approx(7.2)
    assert saw([(float(at), 100.0 + 200.0 * (at >= 2700)) for at in range(3600)]) == 0.0
    assert saw([(float(at), 100.0 + 200.0 * (at >= 2790)) for at in range(3600)]) == 0.0
    assert saw([]) == 0.0


def test_fifty_minutes_before_an_hour_are_the_warm_up() -> None:
    assert warm([(0.0, 9.0), (49.9, 9.0), (50.1, 1.0), (110.0, 1.0), (111.0, 0.0)], 110.0) == [(50.1, 1.0), (110.0, 1.0)]


def test_two_points_have_no_slope() -> None:
    with pytest.raises(ValueError, match="three or more"):
        theil_sen([(0.0, 1.0), (1.0, 2.0)])

"""When a soak is looked at: so that nothing that comes and goes in a step of its own looks like growth."""

import pytest

from bench.soak.schedule import look_moments
from bench.soak.slope import HOUR_SECONDS, Slope, medians, theil_sen

LOOK_SECONDS = 5.0


def slope_of_a_saw(moments: list[float], period_seconds: float) -> Slope:
    """Of 280 MB and ten that come in each period and go at its end, seen at these moments: level, whoever looks."""
    return theil_sen(medians([(at, 280 + 10 * (at / period_seconds % 1)) for at in moments]))


@pytest.mark.parametrize("period_seconds", [9.98, 9.99, 10.01, 10.02, 10.05, 30.02])
def test_a_level_saw_whose_period_is_nearly_that_of_looking_is_level(period_seconds: float) -> None:
    """Services give memory back every ten seconds and a little: in two soaks the even and the odd looks swapped at minute 41."""
    assert slope_of_a_saw(look_moments(HOUR_SECONDS, LOOK_SECONDS), period_seconds).is_flat(tolerated_an_hour=2.8)


def test_looks_in_a_fixed_step_would_call_it_growth() -> None:
    fixed = [look * LOOK_SECONDS for look in range(int(HOUR_SECONDS / LOOK_SECONDS))]
    assert not slope_of_a_saw(fixed, 9.99).is_flat(tolerated_an_hour=2.8)


def test_each_step_has_one_look_and_they_are_the_same_in_every_soak() -> None:
    moments = look_moments(60.0, LOOK_SECONDS)
    assert [int(at // LOOK_SECONDS) for at in moments] == list(range(12))
    assert moments == look_moments(60.0, LOOK_SECONDS)
    assert look_moments(1.0, LOOK_SECONDS) == []

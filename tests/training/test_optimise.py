"""How a run goes on: the sides and rates of its course, and the weights halfway between two runs."""

import pytest
import torch

from training.optimise import AGAIN, FROM_NOTHING, WARMUP_STEPS, halfway
from training.towers import Towers


def test_a_course_has_larger_pictures_later_and_ends_at_the_side_of_the_model() -> None:
    for course in (FROM_NOTHING, AGAIN):
        sides = [course.side_at(progress / 100) for progress in range(100)]
        assert sides == sorted(sides)
        assert sides[-1] == 80


def test_a_rate_rises_in_steps_and_falls_with_the_clock() -> None:
    assert AGAIN.rate_at(0.0, 0) == pytest.approx(AGAIN.rate / WARMUP_STEPS)
    assert AGAIN.rate_at(0.0, WARMUP_STEPS) == pytest.approx(AGAIN.rate)
    assert AGAIN.rate_at(0.5, 9999) == pytest.approx(AGAIN.rate / 2)
    assert AGAIN.rate_at(1.0, 9999) == pytest.approx(AGAIN.rate / 100)


def test_weights_halfway_are_the_mean_of_both_and_leave_both_alone() -> None:
    first, second = Towers(300), Towers(300)
    before = first.image.project.weight.detach().clone()
    between = halfway(first, second)
    assert torch.equal(first.image.project.weight, before)
    assert torch.allclose(between.image.project.weight, (before + second.image.project.weight) / 2)

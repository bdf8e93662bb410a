"""How a run goes on: sides and rates of its course, what is wanted of a learner, and what it learns from a few photos."""

import pathlib

import numpy as np
import pytest
import torch

from training.batches import Batch
from training.facts import FEWEST_PHOTOS
from training.learner import Learner, taught, wanted_of
from training.muon import orthogonal
from training.optimise import WARMUP_STEPS, Course, Run, train
from training.photos import Part, Photo
from training.pool import gather
from training.recipe import LEARNING, TEACHING
from training.scenes import paint
from training.towers import Shape
from training.vocabulary import train_tokenizer

TINY = Shape((16, 24), (1, 1), 4)


def test_a_course_has_larger_pictures_later_and_ends_at_the_side_of_the_model() -> None:
    for course in (TEACHING, LEARNING):
        sides = [course.side_at(progress / 100) for progress in range(100)]
        assert sides == sorted(sides)
        assert sides[-1] == 80


def test_a_rate_rises_in_steps_and_falls_with_the_clock() -> None:
    assert LEARNING.rate_at(0.0, 0) == pytest.approx(LEARNING.rate / WARMUP_STEPS)
    assert LEARNING.rate_at(0.0, WARMUP_STEPS) == pytest.approx(LEARNING.rate)
    assert LEARNING.rate_at(0.5, 9999) == pytest.approx(LEARNING.rate / 2)
    assert LEARNING.rate_at(1.0, 9999) == pytest.approx(LEARNING.rate / 100)


def test_directions_become_orthogonal_whichever_side_is_longer() -> None:
    torch.manual_seed(0)
    for shape in ((3, 8, 20), (2, 20, 8)):
        made = orthogonal(torch.randn(shape))
        values = torch.linalg.svdvals(made)
        assert made.shape == shape
        assert 0.5 < float(values.min()) <= float(values.max()) < 1.3


def test_a_learner_is_asked_for_the_truth_and_for_what_its_teachers_choose() -> None:
    torch.manual_seed(0)
    teachers = [Learner(300, 7, TINY).eval() for _ in range(2)]
    pixels, ids = torch.rand(5, 32, 32, 3) * 255, torch.randint(1, 300, (5, 24))
    batch = Batch(pixels, ids, torch.eye(5), torch.full((5, 7), 1 / 7))
    truth, told = wanted_of(batch), taught(batch, teachers, trust=0.25)
    for wanted in (told.texts, told.images, told.facts):
        assert torch.allclose(wanted.sum(1), torch.ones(5), atol=1e-4)
    assert torch.equal(truth.texts, torch.eye(5))
    assert bool((told.texts.diagonal() >= 0.75).all())


def test_a_run_learns_which_text_belongs_to_which_picture(tmp_path: pathlib.Path) -> None:
    torch.manual_seed(0)
    colours = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 40, 220), "white": (240, 240, 240)}
    pixels = np.stack([np.full((96, 96, 3), colour, np.uint8) for colour in colours.values()] * FEWEST_PHOTOS)
    parts = [Part("caltech101", pixels, tuple(Photo(name, (), ()) for name in colours) * FEWEST_PHOTOS)]
    tokenizer = train_tokenizer([f"a {name}" for name in colours] * 9, text_tokens=24)
    pool = gather(parts, paint(8, seed=1), tokenizer, seed=0)
    run = Run(
        Learner(tokenizer.get_vocab_size(), pool.classes, TINY), pool, Course(5e-3, 32, ((0.0, 16), (0.5, 32))), seconds=3.0
    )
    told: list[tuple[int, float]] = []
    train(run, tmp_path / "learner.pt", lambda _progress, steps, loss, _towers: told.append((steps, loss)))
    assert (tmp_path / "learner.pt").exists()
    assert len(told) > 2
    assert told[-1][1] < told[0][1] - 0.3, told

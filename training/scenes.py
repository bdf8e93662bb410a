"""Many generated scenes at once, painted on all cores, each with some of its true captions."""

import dataclasses
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from training.world.captions import Caption, Fact, facts_of, place_caption, random_caption
from training.world.render import render
from training.world.scene import random_scene
from training.world.shapes import Pixels

SIDE_PX = 96
CAPTIONS = 5
PLACE_SHARE = 0.08
SHEET = 200
"""Scenes painted by one process at a time, and of one seed."""


@dataclasses.dataclass(frozen=True)
class Painted:
    """A scene's picture, uint8 [SIDE_PX, SIDE_PX, 3], all that is true of it, and some texts."""

    pixels: Pixels
    truth: frozenset[Fact]
    captions: tuple[Caption, ...]


def paint(count: int, seed: int) -> list[Painted]:
    """`count` scenes; equal seeds give equal scenes, on however many cores."""
    sheets = [(seed, number) for number in range(-(-count // SHEET))]
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        return [painted for sheet in processes.map(_sheet, sheets) for painted in sheet][:count]


def _sheet(seed: tuple[int, int]) -> list[Painted]:
    return list(_painted(np.random.default_rng(seed)))


def _painted(rng: np.random.Generator) -> Iterator[Painted]:
    for _ in range(SHEET):
        scene = random_scene(rng)
        captions = tuple((place_caption if rng.random() < PLACE_SHARE else random_caption)(scene, rng) for _ in range(CAPTIONS))
        yield Painted(render(scene, SIDE_PX, SIDE_PX), facts_of(scene), captions)

"""Scenes to draw from: painting one costs as much as seven photos, so each is shown several times with other flaws and words."""

import dataclasses

import numpy as np

from training.world.captions import Fact, facts_of
from training.world.render import render
from training.world.scene import Scene, random_scene
from training.world.shapes import Pixels

Generator = np.random.Generator

SIDE_PX = 96
FEWEST, MOST = 500, 15_000
FRESH_SHARE = 0.3


@dataclasses.dataclass(frozen=True)
class Painted:
    """A scene, what is true of it, and its picture at `SIDE_PX`."""

    scene: Scene
    truth: frozenset[Fact]
    pixels: Pixels


class ScenePool:
    """Keeps the last `MOST` scenes; `FRESH_SHARE` of what is drawn is new, and replaces one that was kept."""

    def __init__(self, rng: Generator) -> None:
        self._rng, self._kept = rng, list[Painted]()

    def draw(self) -> Painted:
        if len(self._kept) < FEWEST or self._rng.random() < FRESH_SHARE:
            return self._painted()
        return self._kept[int(self._rng.integers(len(self._kept)))]

    def _painted(self) -> Painted:
        scene = random_scene(self._rng)
        painted = Painted(scene, facts_of(scene), render(scene, SIDE_PX, SIDE_PX))
        if len(self._kept) < MOST:
            self._kept.append(painted)
        else:
            self._kept[int(self._rng.integers(MOST))] = painted
        return painted

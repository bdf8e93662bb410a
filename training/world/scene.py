"""Scenes as values: what stands where, drawn at random so that nothing hides what a caption names."""

import dataclasses

import numpy as np

from training.world.kinds import KINDS
from training.world.places import PLACES, Place

Generator = np.random.Generator

ASPECT = 16 / 9
MAX_COVERED = 0.12
MIN_VISIBLE = 0.85
SMALLEST = 0.16


@dataclasses.dataclass(frozen=True)
class Thing:
    """One object: `x` and `foot` are fractions of the picture's width and height, `height` of its height."""

    kind: str
    colour: str
    x: float
    foot: float
    height: float
    turn: int
    moving: bool
    phase: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom as fractions of the picture."""
        reach = self.height * KINDS[self.kind].reach / ASPECT
        return self.x - reach, self.foot - self.height, self.x + reach, self.foot


@dataclasses.dataclass(frozen=True)
class Scene:
    """A place, its light (`day` or `night`), whether it rains, and the things in it, the nearest last."""

    place: str
    light: str
    rain: bool
    things: tuple[Thing, ...]
    seed: int


def random_scene(rng: Generator) -> Scene:
    place = list(PLACES.values())[int(rng.integers(len(PLACES)))]
    night = bool(rng.random() < (0.3 if place.outdoors else 0.12))
    rain = bool(place.outdoors and place.name != "snow" and rng.random() < 0.2)
    wanted = int(rng.choice([0, 1, 2, 3, 4], p=[0.08, 0.37, 0.3, 0.17, 0.08]))
    things = _random_things(rng, place, wanted)
    return Scene(place.name, "night" if night else "day", rain, things, int(rng.integers(1 << 31)))


def overlap_free(things: tuple[Thing, ...], thing: Thing) -> bool:
    """Whether `thing` is mostly inside the picture and hides, or is hidden by, next to nothing."""
    bounds = thing.bounds
    inside = _intersection(bounds, (0.0, 0.0, 1.0, 1.0)) / _area(bounds)
    return inside >= MIN_VISIBLE and all(_covered(bounds, other.bounds) <= MAX_COVERED for other in things)


def _random_things(rng: Generator, place: Place, wanted: int) -> tuple[Thing, ...]:
    span = float(rng.uniform(*place.span))
    repeated = rng.random() < 0.35
    things: tuple[Thing, ...] = ()
    for _ in range(wanted * 4):
        if len(things) == wanted:
            break
        kind = things[0].kind if repeated and things else place.kinds[int(rng.integers(len(place.kinds)))]
        thing = _random_thing(rng, place, kind, span)
        if overlap_free(things, thing):
            things = (*things, thing)
    return tuple(sorted(things, key=lambda thing: thing.foot))


def _random_thing(rng: Generator, place: Place, name: str, span: float) -> Thing:
    kind = KINDS[name]
    foot = float(rng.uniform(*place.ground))
    nearness = 0.6 + 0.4 * (foot - place.ground[0]) / (place.ground[1] - place.ground[0])
    largest = min(0.75, 0.9 * foot, 0.75 * ASPECT / (2 * kind.reach))
    height = float(np.clip(kind.height / span * nearness * rng.uniform(0.85, 1.15), SMALLEST, largest))
    flying = name == "bird"
    colour = kind.colours[int(rng.integers(len(kind.colours)))]
    moving = bool(kind.verbs) and bool(rng.random() < 0.6 or flying)
    x = float(rng.uniform(0.08, 0.92))
    foot = float(rng.uniform(0.2, 0.45)) if flying else foot
    return Thing(name, colour, x, foot, height, int(rng.choice([-1, 1])), moving, float(rng.random()))


def _area(bounds: tuple[float, float, float, float]) -> float:
    left, top, right, bottom = bounds
    return max(right - left, 0.0) * max(bottom - top, 0.0)


def _intersection(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    return _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def _covered(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    return _intersection(a, b) / min(_area(a), _area(b))

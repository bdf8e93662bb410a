"""What there is in the world: how each kind of object looks at a phase of its movement."""

import dataclasses
import math
from collections.abc import Callable

from training.world.shapes import Rgb, Shape, bar, box, ellipse, polygon, ring

COLOURS: dict[str, Rgb] = {
    "red": (205, 35, 35),
    "green": (40, 150, 60),
    "blue": (40, 80, 215),
    "yellow": (235, 205, 40),
    "white": (238, 238, 238),
    "black": (28, 28, 30),
    "orange": (240, 130, 25),
    "purple": (130, 50, 160),
    "brown": (115, 72, 40),
    "grey": (130, 130, 134),
    "pink": (240, 140, 175),
}
PAINTED = ("red", "green", "blue", "yellow", "white", "black", "orange", "purple")
SKIN: Rgb = (205, 155, 120)
TYRE: Rgb = (25, 25, 25)
GLASS: Rgb = (150, 185, 205)


@dataclasses.dataclass(frozen=True)
class Kind:
    """`height` is in metres, `reach` half the width in heights; `shapes` takes a phase of 0 to 1."""

    name: str
    plural: str
    height: float
    reach: float
    colours: tuple[str, ...]
    shapes: Callable[[float], list[Shape]]
    broader: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def _wheels(radius: float, *places: float) -> list[Shape]:
    rims = [ellipse(TYRE, x, radius, radius, radius) for x in places]
    return rims + [ellipse((150, 150, 150), x, radius, radius * 0.45, radius * 0.45) for x in places]


def _car(_phase: float) -> list[Shape]:
    cabin = polygon(1.0, (-1.0, 0.6), (-0.75, 1.0), (0.35, 1.0), (0.75, 0.6))
    windows = [
        polygon(GLASS, (-0.85, 0.62), (-0.67, 0.92), (-0.2, 0.92), (-0.2, 0.62)),
        polygon(GLASS, (-0.12, 0.62), (-0.12, 0.92), (0.3, 0.92), (0.6, 0.62)),
    ]
    body = polygon(1.0, (-1.4, 0.2), (-1.4, 0.6), (0.8, 0.62), (1.35, 0.52), (1.4, 0.2))
    lamps = [ellipse((255, 240, 170), 1.33, 0.43, 0.06, 0.07), box((190, 20, 20), -1.4, 0.42, -1.32, 0.54)]
    return [body, cabin, *windows, box(0.6, -1.4, 0.18, 1.4, 0.28), *lamps, *_wheels(0.22, -0.85, 0.85)]


def _bus(_phase: float) -> list[Shape]:
    windows = [box(GLASS, x, 0.5, x + 0.32, 0.85) for x in (-1.3, -0.92, -0.54, -0.16, 0.22, 0.6)]
    door = box((90, 120, 140), 1.02, 0.2, 1.25, 0.85)
    return [box(1.0, -1.4, 0.12, 1.4, 1.0), box(0.7, -1.4, 0.12, 1.4, 0.25), *windows, door, *_wheels(0.15, -0.9, 0.8)]


def _truck(_phase: float) -> list[Shape]:
    cab = polygon(0.8, (0.75, 0.15), (0.75, 0.85), (1.1, 0.85), (1.3, 0.5), (1.3, 0.15))
    window = polygon(GLASS, (0.85, 0.5), (0.85, 0.78), (1.06, 0.78), (1.2, 0.5))
    return [
        box(1.0, -1.35, 0.22, 0.68, 1.0),
        box((60, 60, 60), -1.35, 0.15, 0.8, 0.22),
        cab,
        window,
        *_wheels(0.15, -1.0, -0.65, 0.95),
    ]


def _bicycle(_phase: float) -> list[Shape]:
    wheels = [*ring(TYRE, -0.5, 0.33, 0.3, 0.06), *ring(TYRE, 0.5, 0.33, 0.3, 0.06)]
    tubes = [
        ((-0.5, 0.33), (0.0, 0.33)),
        ((-0.5, 0.33), (-0.15, 0.75)),
        ((0.0, 0.33), (-0.2, 0.85)),
        ((0.0, 0.33), (0.36, 0.78)),
        ((-0.15, 0.75), (0.36, 0.8)),
        ((0.5, 0.33), (0.33, 0.95)),
    ]
    seat, handle = bar(TYRE, (-0.34, 0.87), (-0.08, 0.87), 0.07), bar(TYRE, (0.2, 0.97), (0.42, 0.95), 0.06)
    return [*wheels, *(bar(1.0, a, b, 0.08) for a, b in tubes), seat, handle]


def _person(phase: float) -> list[Shape]:
    swing = 0.14 * math.sin(2 * math.pi * phase)
    legs = [bar((45, 50, 80), (0.0, 0.48), (s, 0.02), 0.1) for s in (swing + 0.03, -swing - 0.03)]
    shoes = [ellipse(TYRE, s + 0.03, 0.02, 0.06, 0.025) for s in (swing + 0.03, -swing - 0.03)]
    arms = [bar(0.8, (0.0, 0.78), (-s, 0.47), 0.07) for s in (swing + 0.08, -swing - 0.08)]
    torso = polygon(1.0, (-0.11, 0.45), (-0.14, 0.82), (0.14, 0.82), (0.11, 0.45))
    head = [ellipse(SKIN, 0.01, 0.92, 0.075, 0.085), ellipse((50, 35, 25), -0.01, 0.96, 0.075, 0.055)]
    return [*legs, *shoes, arms[0], torso, arms[1], *head]


def _four_legs(phase: float, xs: tuple[float, ...], top: float, width: float) -> list[Shape]:
    swing = 0.1 * math.sin(2 * math.pi * phase)
    return [bar(0.85, (x, top), (x + swing * (-1) ** i, 0.0), width) for i, x in enumerate(xs)]


def _dog(phase: float) -> list[Shape]:
    tail = bar(1.0, (-0.55, 0.6), (-0.8, 0.9), 0.08)
    head = [ellipse(1.0, 0.68, 0.82, 0.19, 0.16), ellipse(1.0, 0.86, 0.76, 0.13, 0.08)]
    marks = [
        polygon(0.6, (0.52, 0.9), (0.5, 0.62), (0.64, 0.85)),
        ellipse(TYRE, 0.98, 0.78, 0.035, 0.03),
        ellipse(TYRE, 0.74, 0.87, 0.025, 0.025),
    ]
    neck = polygon(1.0, (0.3, 0.65), (0.6, 0.9), (0.75, 0.7), (0.5, 0.4))
    return [
        *_four_legs(phase, (-0.5, -0.38, 0.38, 0.5), 0.45, 0.1),
        tail,
        ellipse(1.0, 0.0, 0.53, 0.62, 0.21),
        neck,
        *head,
        *marks,
    ]


def _cat(phase: float) -> list[Shape]:
    tail = [bar(1.0, (-0.5, 0.55), (-0.75, 0.8), 0.07), bar(1.0, (-0.75, 0.78), (-0.65, 1.0), 0.07)]
    ears = [polygon(1.0, (x, 0.82), (x + 0.05, 1.02), (x + 0.16, 0.85)) for x in (0.4, 0.6)]
    eyes = [ellipse((70, 190, 90), x, 0.76, 0.03, 0.04) for x in (0.54, 0.68)]
    return [
        *_four_legs(phase, (-0.45, -0.33, 0.33, 0.45), 0.4, 0.09),
        *tail,
        ellipse(1.0, 0.0, 0.48, 0.55, 0.2),
        ellipse(1.0, 0.58, 0.72, 0.2, 0.17),
        *ears,
        *eyes,
    ]


def _horse(phase: float) -> list[Shape]:
    neck = polygon(1.0, (0.3, 0.6), (0.6, 0.97), (0.75, 0.85), (0.55, 0.5))
    head = polygon(1.0, (0.6, 0.98), (0.95, 0.75), (0.88, 0.66), (0.62, 0.82))
    mane, tail = bar(0.45, (0.32, 0.7), (0.6, 1.0), 0.08), bar(0.45, (-0.5, 0.62), (-0.65, 0.2), 0.09)
    return [
        *_four_legs(phase, (-0.42, -0.3, 0.32, 0.45), 0.45, 0.09),
        tail,
        ellipse(1.0, 0.0, 0.56, 0.52, 0.17),
        neck,
        head,
        mane,
    ]


def _bird(phase: float) -> list[Shape]:
    lift = 0.5 + 0.35 * math.sin(2 * math.pi * phase)
    wing = polygon(0.75, (-0.3, 0.5), (0.25, 0.5), (-0.25, 0.5 + lift))
    tail, beak = (
        polygon(1.0, (-0.5, 0.45), (-0.95, 0.6), (-0.9, 0.3)),
        polygon((230, 160, 40), (0.75, 0.62), (0.98, 0.52), (0.75, 0.48)),
    )
    return [
        ellipse(1.0, 0.0, 0.42, 0.6, 0.26),
        ellipse(1.0, 0.6, 0.55, 0.2, 0.2),
        tail,
        beak,
        wing,
        ellipse(TYRE, 0.66, 0.6, 0.04, 0.04),
    ]


def _ball(phase: float) -> list[Shape]:
    angle = 2 * math.pi * phase
    spot = ellipse(0.65, 0.25 * math.cos(angle), 0.5 - 0.25 * math.sin(angle), 0.12, 0.12)
    return [ellipse(1.0, 0, 0.5, 0.5, 0.5), spot, ellipse(1.35, -0.16, 0.68, 0.1, 0.1)]


def _bottle(_phase: float) -> list[Shape]:
    shoulder = polygon(1.0, (-0.17, 0.58), (-0.06, 0.76), (0.06, 0.76), (0.17, 0.58))
    return [
        box(1.0, -0.17, 0.0, 0.17, 0.58),
        shoulder,
        box(1.0, -0.06, 0.74, 0.06, 0.93),
        box((225, 225, 225), -0.07, 0.92, 0.07, 1.0),
        box((235, 230, 215), -0.17, 0.18, 0.17, 0.44),
        box(1.3, -0.12, 0.46, -0.07, 0.58),
    ]


def _cup(_phase: float) -> list[Shape]:
    body = polygon(1.0, (-0.34, 0.0), (-0.45, 1.0), (0.45, 1.0), (0.34, 0.0))
    return [*ring(1.0, 0.48, 0.52, 0.22, 0.1), body, ellipse(0.55, 0, 0.97, 0.44, 0.1)]


def _crate(_phase: float) -> list[Shape]:
    return [
        box(1.0, -0.6, 0.0, 0.6, 0.8),
        polygon(0.8, (-0.6, 0.8), (-0.42, 1.0), (0.78, 1.0), (0.6, 0.8)),
        polygon(0.6, (0.6, 0.0), (0.6, 0.8), (0.78, 1.0), (0.78, 0.2)),
        box(0.75, -0.07, 0.0, 0.07, 0.8),
    ]


def _apple(_phase: float) -> list[Shape]:
    return [
        ellipse(1.0, -0.18, 0.42, 0.33, 0.42),
        ellipse(1.0, 0.18, 0.42, 0.33, 0.42),
        bar((90, 60, 30), (0.0, 0.78), (0.06, 1.0), 0.07),
        ellipse((60, 140, 50), 0.2, 0.92, 0.15, 0.06),
    ]


def _book(_phase: float) -> list[Shape]:
    return [
        box(1.0, -0.45, 0.0, 0.4, 1.0),
        box((240, 236, 225), 0.4, 0.03, 0.47, 0.97),
        box(0.65, -0.45, 0.0, -0.34, 1.0),
        box((235, 225, 190), -0.2, 0.62, 0.28, 0.8),
    ]


def _chair(_phase: float) -> list[Shape]:
    legs = [bar(0.7, (x, 0.45), (x, 0.0), 0.07) for x in (-0.3, -0.2, 0.2, 0.3)]
    return [*legs, box(1.0, -0.35, 0.42, 0.35, 0.52), box(0.9, -0.35, 0.5, -0.25, 1.0), box(1.0, -0.32, 0.66, -0.22, 1.0)]


def _tree(_phase: float) -> list[Shape]:
    crown = [
        ellipse(p, x, y, 0.2, 0.17)
        for p, x, y in ((0.8, -0.16, 0.6), (0.85, 0.17, 0.6), (0.95, 0.0, 0.68), (1.0, -0.06, 0.82), (1.1, 0.08, 0.8))
    ]
    return [box((95, 65, 40), -0.05, 0.0, 0.05, 0.55), *crown]


def _umbrella(_phase: float) -> list[Shape]:
    angles = [math.pi * i / 12 for i in range(13)]
    dome = polygon(1.0, *((0.6 * math.cos(a), 0.55 + 0.45 * math.sin(a)) for a in angles))
    return [bar((90, 80, 70), (0, 0), (0, 0.6), 0.04), dome, polygon(0.7, (-0.2, 0.55), (0.0, 1.0), (0.2, 0.55))]


def _kinds() -> tuple[Kind, ...]:
    fur, vehicle, animal = ("brown", "black", "white", "grey"), ("vehicle",), ("animal",)
    drives, walks = ("driving",), ("walking",)
    return (
        Kind("car", "cars", 1.5, 1.4, PAINTED, _car, vehicle, drives),
        Kind("bus", "buses", 3.0, 1.4, ("red", "yellow", "blue", "white", "green"), _bus, vehicle, drives),
        Kind(
            "truck", "trucks", 2.9, 1.35, ("red", "white", "blue", "green", "orange"), _truck, vehicle, drives, ("truck", "lorry")
        ),
        Kind(
            "bicycle", "bicycles", 1.1, 0.85, ("red", "blue", "green", "yellow", "white"), _bicycle, (), (), ("bicycle", "bike")
        ),
        Kind("person", "people", 1.75, 0.22, PAINTED, _person, (), walks, ("person", "person", "man", "pedestrian")),
        Kind("dog", "dogs", 0.8, 1.0, fur, _dog, animal, ("running", "walking")),
        Kind("cat", "cats", 0.6, 0.8, (*fur, "orange"), _cat, animal, walks),
        Kind("horse", "horses", 1.9, 0.95, fur, _horse, animal, ("running", "walking")),
        Kind("bird", "birds", 0.5, 0.95, ("white", "black", "blue", "red", "brown"), _bird, animal, ("flying",)),
        Kind("ball", "balls", 0.5, 0.5, ("red", "blue", "yellow", "green", "orange", "white", "pink"), _ball, (), ("rolling",)),
        Kind("bottle", "bottles", 0.3, 0.18, ("green", "brown", "blue", "red", "yellow"), _bottle, (), ("moving",)),
        Kind(
            "cup",
            "cups",
            0.14,
            0.7,
            ("white", "red", "blue", "yellow", "green", "black", "pink"),
            _cup,
            (),
            ("moving",),
            ("cup", "mug"),
        ),
        Kind("box", "boxes", 0.3, 0.78, ("brown", "white", "red", "blue"), _crate, (), ("moving",)),
        Kind("apple", "apples", 0.12, 0.5, ("red", "green", "yellow"), _apple, ("fruit",), ("moving",)),
        Kind("book", "books", 0.26, 0.47, ("red", "blue", "green", "black", "yellow"), _book),
        Kind("chair", "chairs", 0.95, 0.36, ("brown", "red", "blue", "black", "white"), _chair, ("furniture",)),
        Kind("tree", "trees", 4.0, 0.38, ("green",), _tree),
        Kind("umbrella", "umbrellas", 2.0, 0.6, ("red", "blue", "yellow", "pink", "green"), _umbrella),
    )


KINDS: dict[str, Kind] = {kind.name: kind for kind in _kinds()}

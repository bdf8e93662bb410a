"""Where things happen: tame backgrounds, painted so that what stands on them stays visible."""

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from training.world.shapes import Pixels, Rgb

Generator = np.random.Generator
Canvas = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Place:
    """`ground` is the band of the picture's height where feet stand; `span` how many metres its height shows."""

    name: str
    phrases: tuple[str, ...]
    kinds: tuple[str, ...]
    ground: tuple[float, float]
    span: tuple[float, float]
    outdoors: bool
    paint: Callable[[Pixels, Generator], None]


def _shade(rng: Generator, colour: Rgb, spread: int = 14) -> tuple[float, float, float]:
    red, green, blue = np.clip(np.array(colour) + rng.integers(-spread, spread + 1, 3), 0, 255).tolist()
    return red, green, blue


def _band(image: Pixels, top: float, bottom: float, colour: tuple[float, float, float]) -> None:
    height = image.shape[0]
    image[round(top * height) : round(bottom * height)] = colour


def _texture(image: Pixels, rng: Generator, top: float, bottom: float, strength: float) -> None:
    """Soft blotches, the same at every size: the noise is drawn on a fixed small grid."""
    height, width = image.shape[:2]
    blotches = rng.normal(0, strength, (24, 40)).astype(np.float32)
    soft = cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    rows = slice(round(top * height), round(bottom * height))
    image[rows] = np.clip(image[rows] + soft[rows], 0, 255).astype(np.uint8)


def _rectangle(image: Pixels, corner: tuple[float, float], size: tuple[float, float], colour: tuple[float, float, float]) -> None:
    height, width = image.shape[:2]
    start = round(corner[0] * width), round(corner[1] * height)
    end = round((corner[0] + size[0]) * width), round((corner[1] + size[1]) * height)
    cv2.rectangle(image, start, end, colour, -1)


def _street(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.5, _shade(rng, (150, 190, 225)))
    x = -0.05
    while x < 1.0:
        wide, tall = float(rng.uniform(0.12, 0.25)), float(rng.uniform(0.2, 0.45))
        _rectangle(image, (x, 0.5 - tall), (wide, tall), _shade(rng, (150, 135, 125), 25))
        for row in range(2):
            for column in range(3):
                window = (x + wide * (0.12 + 0.3 * column), 0.5 - tall * (0.85 - 0.4 * row))
                _rectangle(image, window, (wide * 0.15, tall * 0.18), _shade(rng, (95, 110, 130)))
        x += wide
    _band(image, 0.5, 0.58, _shade(rng, (165, 160, 155)))
    _band(image, 0.58, 1.0, _shade(rng, (88, 88, 92)))
    _texture(image, rng, 0.58, 1.0, 4)
    for dash in np.arange(float(rng.uniform(-0.1, 0.0)), 1.0, 0.2):
        _rectangle(image, (float(dash), 0.775), (0.1, 0.015), (225, 225, 215))


def _grass(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.42, _shade(rng, (150, 195, 235)))
    _band(image, 0.36, 0.44, _shade(rng, (70, 110, 65)))
    _band(image, 0.42, 1.0, _shade(rng, (95, 155, 60)))
    _texture(image, rng, 0.42, 1.0, 9)


def _beach(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.35, _shade(rng, (160, 205, 240)))
    _band(image, 0.35, 0.52, _shade(rng, (45, 120, 175)))
    _band(image, 0.52, 0.54, (235, 240, 240))
    _band(image, 0.54, 1.0, _shade(rng, (222, 200, 150)))
    _texture(image, rng, 0.54, 1.0, 6)


def _snow(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.45, _shade(rng, (185, 200, 215)))
    height, width = image.shape[:2]
    for _ in range(4):
        x, tall, wide = float(rng.uniform(0, 1)), float(rng.uniform(0.15, 0.35)), float(rng.uniform(0.15, 0.3))
        peak = np.array(
            [((x - wide) * width, 0.45 * height), (x * width, (0.45 - tall) * height), ((x + wide) * width, 0.45 * height)]
        )
        cv2.fillPoly(image, [peak.astype(np.int32)], _shade(rng, (150, 165, 185)), cv2.LINE_AA)
    _band(image, 0.45, 1.0, _shade(rng, (226, 232, 240), 8))
    _texture(image, rng, 0.45, 1.0, 4)


def _room(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.62, _shade(rng, (205, 195, 178), 20))
    _band(image, 0.62, 0.65, _shade(rng, (235, 232, 225)))
    _band(image, 0.65, 1.0, _shade(rng, (160, 120, 85), 20))
    _texture(image, rng, 0.65, 1.0, 5)
    x = float(rng.uniform(0.05, 0.7))
    _rectangle(image, (x - 0.01, 0.1), (0.22, 0.34), (240, 240, 238))
    _rectangle(image, (x, 0.12), (0.2, 0.3), _shade(rng, (165, 205, 235)))


def _corridor(image: Pixels, rng: Generator) -> None:
    height, width = image.shape[:2]
    image[:] = _shade(rng, (200, 203, 205))
    far = [(0.38, 0.3), (0.62, 0.3), (0.62, 0.6), (0.38, 0.6)]
    floor = np.array([(0, height), far[3], far[2], (width, height)], np.float64)
    floor[1:3] *= (width, height)
    cv2.fillPoly(image, [floor.astype(np.int32)], _shade(rng, (140, 140, 150)), cv2.LINE_AA)
    _rectangle(image, far[0], (0.24, 0.3), _shade(rng, (120, 125, 135)))
    for x in (0.08, 0.22, 0.7, 0.86):
        _rectangle(image, (x, 0.28), (0.07, 0.42), _shade(rng, (130, 95, 70)))


def _table(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.5, _shade(rng, (195, 190, 182), 25))
    _band(image, 0.5, 1.0, _shade(rng, (165, 118, 72), 20))
    height = image.shape[0]
    for y in np.linspace(0.52, 1.0, 7):
        image[min(round(float(y) * height), height - 1)] = _shade(rng, (140, 98, 60))
    _texture(image, rng, 0.5, 1.0, 4)


def _conveyor(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.6, _shade(rng, (170, 178, 185), 20))
    for x in np.arange(0.05, 1.0, 0.3):
        _rectangle(image, (float(x), 0.0), (0.05, 0.6), _shade(rng, (135, 142, 150)))
    _band(image, 0.6, 0.64, (200, 165, 40))
    _band(image, 0.64, 0.86, _shade(rng, (55, 57, 62), 8))
    _band(image, 0.86, 1.0, _shade(rng, (115, 120, 128)))
    for x in np.arange(0.04, 1.0, 0.12):
        _rectangle(image, (float(x), 0.88), (0.06, 0.08), (80, 84, 90))


def _car_park(image: Pixels, rng: Generator) -> None:
    _band(image, 0, 0.25, _shade(rng, (140, 150, 140)))
    _band(image, 0.25, 1.0, _shade(rng, (112, 112, 115)))
    _texture(image, rng, 0.25, 1.0, 4)
    height, width = image.shape[:2]
    for x in np.arange(-0.2, 1.2, 0.2):
        start, end = (round((float(x) + 0.08) * width), round(0.3 * height)), (round(float(x) * width), height)
        cv2.line(image, start, end, (220, 220, 215), max(1, height // 90), cv2.LINE_AA)


def _places() -> tuple[Place, ...]:
    traffic, small = (
        ("car", "bus", "truck", "bicycle", "person", "dog", "car", "person"),
        ("bottle", "cup", "apple", "book", "box", "bottle"),
    )
    walkers = ("person", "dog", "ball", "cat", "bird")
    return (
        Place("street", ("on a street", "on the road", "on a city street"), traffic, (0.62, 0.95), (4.0, 10.0), True, _street),
        Place(
            "grass",
            ("on grass", "on the grass", "in a field", "in a park"),
            (*walkers, "horse", "tree", "bicycle", "dog"),
            (0.5, 0.95),
            (2.0, 6.0),
            True,
            _grass,
        ),
        Place(
            "beach", ("on a beach", "at the beach", "on the sand"), (*walkers, "umbrella"), (0.6, 0.95), (2.5, 6.0), True, _beach
        ),
        Place(
            "snow", ("in the snow", "on snow"), ("person", "dog", "tree", "horse", "car"), (0.55, 0.95), (3.0, 7.0), True, _snow
        ),
        Place(
            "room",
            ("in a room", "in a living room"),
            ("person", "chair", "cat", "dog", "ball", "box", "chair"),
            (0.7, 0.97),
            (2.0, 3.2),
            False,
            _room,
        ),
        Place(
            "corridor",
            ("in a corridor", "in a hallway"),
            ("person", "person", "box", "chair", "dog"),
            (0.7, 0.97),
            (2.2, 3.5),
            False,
            _corridor,
        ),
        Place("table", ("on a table", "on a wooden table"), small, (0.62, 0.95), (0.3, 0.7), False, _table),
        Place(
            "conveyor",
            ("on a conveyor belt", "on a production line"),
            ("bottle", "box", "cup", "apple", "bottle"),
            (0.74, 0.82),
            (0.4, 0.8),
            False,
            _conveyor,
        ),
        Place(
            "car park",
            ("in a parking lot", "in a car park"),
            ("car", "car", "person", "truck", "bicycle"),
            (0.5, 0.95),
            (5.0, 10.0),
            True,
            _car_park,
        ),
    )


PLACES: dict[str, Place] = {place.name: place for place in _places()}

"""Flat shapes in an object's own units: x grows to where it faces, y from 0 (ground) to 1 (top)."""

import dataclasses
import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Rgb = tuple[int, int, int]
# A paint is a fixed colour, or how bright the object's own colour is here (1.0 as it is, 0.6 shaded).
Paint = Rgb | float

SUBPIXEL_BITS = 4


@dataclasses.dataclass(frozen=True)
class Shape:
    """A filled polygon, points float [n, 2]."""

    points: npt.NDArray[np.float64]
    paint: Paint


def polygon(paint: Paint, *points: tuple[float, float]) -> Shape:
    return Shape(np.array(points, np.float64), paint)


def box(paint: Paint, x0: float, y0: float, x1: float, y1: float) -> Shape:
    return polygon(paint, (x0, y0), (x1, y0), (x1, y1), (x0, y1))


def ellipse(paint: Paint, x: float, y: float, rx: float, ry: float) -> Shape:
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return Shape(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1), paint)


def bar(paint: Paint, start: tuple[float, float], end: tuple[float, float], width: float) -> Shape:
    """A straight limb or tube of `width` from `start` to `end`."""
    a, b = np.array(start), np.array(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
    aside = np.array([-along[1], along[0]]) * width / 2
    return Shape(np.array([a - aside, b - aside, b + aside, a + aside]), paint)


def ring(paint: Paint, x: float, y: float, radius: float, width: float) -> list[Shape]:
    """A wheel's rim as a chain of bars, so that the ground shows through."""
    angle = np.linspace(0, 2 * np.pi, 17)
    rim = [(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angle]
    return [bar(paint, a, b, width) for a, b in itertools.pairwise(rim)]


def draw(image: Pixels, shapes: Sequence[Shape], foot: tuple[float, float], height: float, turn: int, body: Rgb) -> None:
    """Draw `shapes` standing at `foot` (x, y in pixels), `height` pixels tall, facing right (1) or left (-1)."""
    for shape in shapes:
        points = np.array(foot) + shape.points * (height * turn, -height)
        fixed = np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(image, [fixed], _colour(shape.paint, body), cv2.LINE_AA, SUBPIXEL_BITS)


def _colour(paint: Paint, body: Rgb) -> tuple[float, float, float]:
    if isinstance(paint, tuple):
        return paint
    red, green, blue = (min(255.0, channel * paint) for channel in body)
    return red, green, blue

"""A scene as a picture, at any size."""

import cv2
import numpy as np

from training.world.camera import add_noise, relight
from training.world.kinds import COLOURS, KINDS
from training.world.places import PLACES
from training.world.scene import ASPECT, Scene, Thing
from training.world.shapes import Pixels, Rgb, draw

Generator = np.random.Generator

NIGHT_TINT = (0.85, 0.9, 1.15)
NOISE_SIGMA = 3.0


def render(scene: Scene, width: int, height: int, *, frame: int = 0, noise_sigma: float = NOISE_SIGMA) -> Pixels:
    """uint8 RGB [height, width, 3]; `frame` moves only the rain and the noise, the scene's seed fixes the rest."""
    rng = np.random.default_rng(scene.seed)
    canvas = np.zeros((height, round(height * ASPECT), 3), np.uint8)
    PLACES[scene.place].paint(canvas, rng)
    for thing in scene.things:
        _draw_thing(canvas, thing, scene.seed)
    if scene.light == "night":
        canvas = _darken(canvas, scene, rng)
    weather = np.random.default_rng((scene.seed, frame))
    if scene.rain:
        canvas = _rain(canvas, weather)
    picture = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return add_noise(np.asarray(picture, np.uint8), weather, noise_sigma)


def _draw_thing(canvas: Pixels, thing: Thing, seed: int) -> None:
    height, width = canvas.shape[:2]
    kind = KINDS[thing.kind]
    foot, tall = (thing.x * width, thing.foot * height), thing.height * height
    if thing.kind != "bird":
        _shadow(canvas, foot, tall * kind.reach, tall * 0.06)
    # By what it is and not by its place in the list: a thing keeps its colour while others come and go.
    own = np.random.default_rng((seed, *f"{thing.kind} {thing.colour}".encode()))
    jitter = own.integers(-12, 13, 3)
    red, green, blue = (int(np.clip(c + j, 0, 255)) for c, j in zip(COLOURS[thing.colour], jitter, strict=True))
    draw(canvas, kind.shapes(thing.phase), foot, tall, thing.turn, (red, green, blue))


def _shadow(canvas: Pixels, foot: tuple[float, float], rx: float, ry: float) -> None:
    x0, x1 = max(int(foot[0] - rx), 0), int(foot[0] + rx) + 1
    y0, y1 = max(int(foot[1] - ry), 0), int(foot[1] + ry) + 1
    patch = canvas[y0:y1, x0:x1]
    patch[:] = (patch * 0.75).astype(np.uint8)


def _darken(canvas: Pixels, scene: Scene, rng: Generator) -> Pixels:
    """Night: a dark blue picture, lit again around lamps and headlights."""
    height, width = canvas.shape[:2]
    light = np.full((height, width, 1), float(rng.uniform(0.22, 0.38)), np.float32)
    for x, y, radius in _lamps(scene, rng):
        ys, xs = np.mgrid[:height, :width].astype(np.float32)
        distance = np.hypot(xs - x * width, ys - y * height) / (radius * height)
        light[..., 0] += 0.5 * np.exp(-(distance**2))
    dark = relight(canvas, 1.0, 1.0, NIGHT_TINT) * np.minimum(light, 1.0)
    picture = dark.astype(np.uint8)
    for thing in scene.things:
        if thing.kind in {"car", "bus", "truck"}:
            _headlight(picture, thing)
    return picture


def _lamps(scene: Scene, rng: Generator) -> list[tuple[float, float, float]]:
    lamps = [(float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.3, 0.8)), 0.3)]
    return lamps + [(thing.x, thing.foot - thing.height / 2, 0.6 * thing.height + 0.08) for thing in scene.things]


def _headlight(canvas: Pixels, thing: Thing) -> None:
    height, width = canvas.shape[:2]
    tall, reach = thing.height * height, KINDS[thing.kind].reach
    x, y = thing.x * width + thing.turn * 0.95 * reach * tall, (thing.foot - 0.42 * thing.height) * height
    warm: Rgb = (255, 245, 190)
    cv2.circle(canvas, (round(x), round(y)), max(1, round(tall * 0.13)), warm, -1, cv2.LINE_AA)


def _rain(canvas: Pixels, rng: Generator) -> Pixels:
    picture = relight(canvas, 0.82, 0.75, (0.95, 1.0, 1.05))
    height, width = picture.shape[:2]
    streaks = picture.copy()
    for x, y in rng.random((110, 2)):
        start = round(float(x) * width), round(float(y) * height)
        end = start[0] - round(height * 0.015), start[1] + round(height * 0.07)
        cv2.line(streaks, start, end, (205, 215, 225), max(1, height // 240), cv2.LINE_AA)
    return np.asarray(cv2.addWeighted(streaks, 0.6, picture, 0.4, 0), np.uint8)

"""Photos as a camera might have seen them: cropped, far away, flipped, dim, noisy, compressed."""

import cv2
import numpy as np

from training.world.camera import add_noise, blur, compress, relight
from training.world.shapes import Pixels

Generator = np.random.Generator


def photo_view(photo: Pixels, backdrop: Pixels, side: int, rng: Generator, *, may_flip: bool) -> Pixels:
    """A random crop of `photo`, or all of it pasted small on a blurred `backdrop`, at [side, side, 3]."""
    view = _pasted(photo, backdrop, side, rng) if rng.random() < 0.12 else _cropped(photo, side, rng)
    if may_flip and rng.random() < 0.5:
        view = np.ascontiguousarray(view[:, ::-1])
    return camera_view(_recoloured(view, rng), rng)


def side_by_side(first: Pixels, second: Pixels, side: int, rng: Generator) -> Pixels:
    """Two photos in one picture, beside or above each other in either order, at [side, side, 3]."""
    near, far = (first, second) if rng.random() < 0.5 else (second, first)
    cut = round(side * float(rng.uniform(0.4, 0.6)))
    canvas = np.empty((side, side, 3), np.uint8)
    if rng.random() < 0.7:
        canvas[:, :cut], canvas[:, cut:] = _stretched(near, cut, side), _stretched(far, side - cut, side)
    else:
        canvas[:cut], canvas[cut:] = _stretched(near, side, cut), _stretched(far, side, side - cut)
    return camera_view(_recoloured(canvas, rng), rng)


def camera_view(view: Pixels, rng: Generator) -> Pixels:
    """Each flaw of a camera now and then: weak light, blur, noise, compression."""
    if rng.random() < 0.1:
        view = relight(view, float(rng.uniform(0.25, 0.6)), 0.9, (0.95, 1.0, 1.08))
    if rng.random() < 0.12:
        view = blur(view, float(rng.uniform(0.4, 1.0)))
    if rng.random() < 0.2:
        view = add_noise(view, rng, float(rng.uniform(2, 12)))
    if rng.random() < 0.15:
        view = compress(view, int(rng.integers(25, 75)))
    return view


def _cropped(photo: Pixels, side: int, rng: Generator) -> Pixels:
    full = photo.shape[0]
    area, stretch = float(rng.uniform(0.5, 1.0)), float(np.exp(rng.uniform(-0.25, 0.25)))
    wide = min(full, max(8, round(full * (area * stretch) ** 0.5)))
    tall = min(full, max(8, round(full * (area / stretch) ** 0.5)))
    x, y = int(rng.integers(full - wide + 1)), int(rng.integers(full - tall + 1))
    return resized(photo[y : y + tall, x : x + wide], side)


def _pasted(photo: Pixels, backdrop: Pixels, side: int, rng: Generator) -> Pixels:
    canvas = blur(resized(backdrop, side), side / 12)
    small = max(8, round(side * float(rng.uniform(0.4, 0.8))))
    x, y = (int(v) for v in rng.integers(side - small + 1, size=2))
    canvas[y : y + small, x : x + small] = resized(photo, small)
    return canvas


def resized(photo: Pixels, side: int) -> Pixels:
    """The whole photo at [side, side, 3]."""
    return _stretched(photo, side, side)


def _stretched(photo: Pixels, width: int, height: int) -> Pixels:
    how = cv2.INTER_AREA if photo.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(photo, (width, height), interpolation=how), np.uint8)


def _recoloured(view: Pixels, rng: Generator) -> Pixels:
    if rng.random() < 0.04:
        grey = view.mean(2, keepdims=True).astype(np.uint8)
        return np.broadcast_to(grey, view.shape).copy()
    if rng.random() < 0.7:
        red, green, blue = rng.uniform(0.92, 1.08, 3).tolist()
        return relight(view, float(rng.uniform(0.75, 1.25)), float(rng.uniform(0.8, 1.2)), (red, green, blue))
    return view

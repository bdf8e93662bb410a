"""What a camera does to a picture: weak light, blur, noise, compression."""

import cv2
import numpy as np

from training.world.shapes import Pixels

Generator = np.random.Generator


def add_noise(image: Pixels, rng: Generator, sigma: float) -> Pixels:
    """Sensor noise of `sigma` grey levels, the same for equal generators."""
    noise = rng.standard_normal(image.shape, np.float32)
    return np.clip(image + noise * sigma, 0, 255).astype(np.uint8)


def compress(image: Pixels, quality: int) -> Pixels:
    """The blocks and smears of a JPEG of `quality` (1 to 100)."""
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def blur(image: Pixels, sigma: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def relight(image: Pixels, gain: float, contrast: float, tint: tuple[float, float, float]) -> Pixels:
    """Scale brightness by `gain`, spread around the mean by `contrast`, each channel by `tint`."""
    mean = float(image.mean())
    lit = ((image.astype(np.float32) - mean) * contrast + mean) * (gain * np.array(tint, np.float32))
    return np.clip(lit, 0, 255).astype(np.uint8)

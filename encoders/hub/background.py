"""The backgrounds of an exported model: plain captions of all sorts, and pictures of nothing that have the colours of photos.

A score means something only beside what these score. Photos of all sorts would be better pictures; none may be shipped.
"""

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from encoders import onnx_runtime
from encoders.encoder import Encoder
from encoders.folder import BACKGROUND, read_folder

CAPTIONS: Final = Path(__file__).with_name("captions.txt")
PICTURES: Final = 64
BATCH: Final = 8
SEED: Final = 11
CONTRAST: Final = 50.0
COLOUR: Final = 0.35


def write_background(folder: Path, threads: int) -> None:
    """Embed the backgrounds with the towers in `folder` and write `background.npz` beside them."""
    encoder = Encoder(read_folder(folder), partial(onnx_runtime.open_tower, threads=threads), onnx_runtime.describe(threads))
    texts = CAPTIONS.read_text().splitlines()
    pictures = clouds(PICTURES, *encoder.image_size)
    np.savez(
        folder / BACKGROUND,
        texts=np.concatenate([encoder.embed_texts(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]),
        images=np.concatenate([encoder.embed_images(pictures[i : i + BATCH]) for i in range(0, PICTURES, BATCH)]),
    )


def clouds(n: int, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return `n` pictures of coloured clouds whose amplitude falls as 1/f, as that of photos does (Field 1987)."""
    rng = np.random.default_rng(SEED)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width)
    amplitude = 1 / np.maximum(frequency, 1.0)
    pictures = np.empty((n, height, width, 3), np.uint8)
    for picture in pictures:
        noise = np.fft.rfft2(rng.normal(size=(4, height, width))) * amplitude
        planes = np.fft.irfft2(noise, s=(height, width))
        planes /= planes.std(axis=(1, 2), keepdims=True)
        light, colours = planes[0], planes[1:]
        mixed = (light + COLOUR * colours).transpose(1, 2, 0)
        picture[:] = np.clip(rng.uniform(60, 170) + CONTRAST * mixed, 0, 255)
    return pictures

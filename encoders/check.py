"""A look at an encoder before it is trusted with an archive: lengths, agreement, speed, memory. For `framebus encoder`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from encoders.encoder import Encoder
from encoders.folder import Vectors
from encoders.machine import peak_memory_bytes
from encoders.pictures import Pixels, scale

TEXTS: Final = ("a red car on a road", "two people beside a tree", "an empty street at night", "a dog")
SECONDS_PER_SIZE: Final = 1.0
AGREEMENT_AT_LEAST: Final = {"fp32": 0.9999, "fp16": 0.9995, "bf16": 0.999}
"""Least cosine of two vectors of the same input, by the lower precision of the two."""
PICTURES: Final = 16


@dataclass(frozen=True)
class Cosines:
    """How near the vectors of one tower are to those of another backend."""

    least: float
    mean: float


@dataclass(frozen=True)
class Agreement:
    """One backend held against another on the same inputs; `texts` is None without a text tower."""

    backend: str
    at_least: float
    images: Cosines
    texts: Cosines | None


@dataclass(frozen=True)
class Speed:
    """Images or texts a second in batches of one size."""

    batch_size: int
    per_second: float


@dataclass(frozen=True)
class Report:
    """What was seen. Agreement is the least cosine between a vector made alone and the same one made in a batch.

    The text figures are None for an encoder without a text tower. `memory_bytes` is the most that this process has held.
    """

    space: str
    backend: str
    dimension: int
    length_error: float
    image_agreement: float
    text_agreement: float | None
    agreement_at_least: float
    images: tuple[Speed, ...]
    texts: tuple[Speed, ...] | None
    memory_bytes: int | None


def check(encoder: Encoder, batch_sizes: Sequence[int] = (1, 8, 32), seconds: float = SECONDS_PER_SIZE) -> Report:
    """Try `encoder` for about `seconds` per batch size and tower; raises `EncoderError` for a tower that cannot be used."""
    encoder.warm(texts=True)
    pixels = _pictures(encoder, max(batch_sizes))
    batch = encoder.embed_images(pixels)
    texts = [TEXTS[i % len(TEXTS)] for i in range(max(batch_sizes))]
    images_a_second, texts_a_second = speeds(encoder, batch_sizes, seconds)
    return Report(
        space=encoder.space,
        backend=encoder.backend,
        dimension=encoder.dimension,
        length_error=float(np.abs(np.linalg.norm(batch, axis=1) - 1).max()),
        image_agreement=_agreement(batch, encoder.embed_images(pixels[:1])),
        text_agreement=_agreement(encoder.embed_texts(texts), encoder.embed_texts(texts[:1])) if encoder.has_text else None,
        agreement_at_least=AGREEMENT_AT_LEAST[encoder.precision],
        images=images_a_second,
        texts=texts_a_second,
        memory_bytes=peak_memory_bytes(),
    )


def compare(encoder: Encoder, other: Encoder) -> Agreement:
    """Hold `encoder` against `other`, the same model in another backend; raises `EncoderError` for a tower that is broken."""
    pixels, texts = _pictures(encoder, PICTURES), list(TEXTS)
    return Agreement(
        backend=other.backend,
        at_least=min(AGREEMENT_AT_LEAST[one.precision] for one in (encoder, other)),
        images=_cosines(encoder.embed_images(pixels), other.embed_images(pixels)),
        texts=_cosines(encoder.embed_texts(texts), other.embed_texts(texts)) if encoder.has_text else None,
    )


def speeds(encoder: Encoder, batch_sizes: Sequence[int], seconds: float) -> tuple[tuple[Speed, ...], tuple[Speed, ...] | None]:
    """Return images and texts a second by batch size; no texts without a text tower."""
    pixels = _pictures(encoder, max(batch_sizes))
    texts = [TEXTS[i % len(TEXTS)] for i in range(max(batch_sizes))]
    images = _speeds(lambda n: encoder.embed_images(pixels[:n]), batch_sizes, seconds)
    return images, _speeds(lambda n: encoder.embed_texts(texts[:n]), batch_sizes, seconds) if encoder.has_text else None


def _pictures(encoder: Encoder, count: int) -> Pixels:
    """Return prepared pictures, from coarse blurs to fine noise: a backend that is off shows it somewhere between."""
    width, height = encoder.image_size
    noise = np.random.default_rng(1)
    sides = [2 ** (1 + i % 8) for i in range(count)]
    return np.stack([scale(noise.integers(0, 256, (side, side, 3), dtype=np.uint8), width, height) for side in sides])


def _cosines(one: Vectors, other: Vectors) -> Cosines:
    cosines = (one * other).sum(axis=1)
    return Cosines(float(cosines.min()), float(cosines.mean()))


def _agreement(batch: Vectors, alone: Vectors) -> float:
    return float((batch[: len(alone)] * alone).sum(axis=1).min())


def _speeds(embed: Callable[[int], Vectors], batch_sizes: Sequence[int], seconds: float) -> tuple[Speed, ...]:
    return tuple(Speed(size, _per_second(embed, size, seconds)) for size in batch_sizes)


def _per_second(embed: Callable[[int], Vectors], size: int, seconds: float) -> float:
    embed(size)
    began = time.perf_counter()
    batches = 0
    while batches == 0 or time.perf_counter() - began < seconds:
        embed(size)
        batches += 1
    return batches * size / (time.perf_counter() - began)

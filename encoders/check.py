"""A look at an encoder before it is trusted with an archive: shapes, lengths, agreement, speed. For `framebus encoder check`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from encoders.encoder import Encoder
from encoders.folder import Vectors

TEXTS: Final = ("a red car on a road", "two people beside a tree", "an empty street at night", "a dog")
SECONDS_PER_SIZE: Final = 1.0


@dataclass(frozen=True)
class Speed:
    """Images or texts a second in batches of one size."""

    batch_size: int
    per_second: float


@dataclass(frozen=True)
class Report:
    """What was seen. Agreement is the least cosine between a vector made alone and the same one made in a batch.

    The text figures are None for an encoder without a text tower.
    """

    space: str
    backend: str
    dimension: int
    length_error: float
    image_agreement: float
    text_agreement: float | None
    images: tuple[Speed, ...]
    texts: tuple[Speed, ...] | None


def check(encoder: Encoder, batch_sizes: Sequence[int] = (1, 8, 32), seconds: float = SECONDS_PER_SIZE) -> Report:
    """Try `encoder` for about `seconds` per batch size and tower; raises `EncoderError` for a tower that cannot be used."""
    encoder.warm(texts=True)
    width, height = encoder.image_size
    pixels = np.random.default_rng(1).integers(0, 256, (max(batch_sizes), height, width, 3), dtype=np.uint8)
    batch = encoder.embed_images(pixels)
    texts = [TEXTS[i % len(TEXTS)] for i in range(max(batch_sizes))]
    return Report(
        space=encoder.space,
        backend=encoder.backend,
        dimension=encoder.dimension,
        length_error=float(np.abs(np.linalg.norm(batch, axis=1) - 1).max()),
        image_agreement=_agreement(batch, encoder.embed_images(pixels[:1])),
        text_agreement=_agreement(encoder.embed_texts(texts), encoder.embed_texts(texts[:1])) if encoder.has_text else None,
        images=_speeds(lambda n: encoder.embed_images(pixels[:n]), batch_sizes, seconds),
        texts=_speeds(lambda n: encoder.embed_texts(texts[:n]), batch_sizes, seconds) if encoder.has_text else None,
    )


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

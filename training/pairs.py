"""Picture-text pairs for training, with the truth of which text holds for which picture of the batch."""

import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from training.augment import camera_view, photo_view
from training.photos import PART_WEIGHTS, Part, Photo
from training.world.captions import Fact, facts_of, place_caption, random_caption
from training.world.render import render
from training.world.scene import random_scene
from training.world.shapes import Pixels

Generator = np.random.Generator

LABEL_TEMPLATES = ("{}", "a {}", "a photo of a {}", "a picture of a {}", "there is a {}", "{} seen by a camera")
SIDED = re.compile(r"\b(left|right)\b")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A picture, one text of it, what the text claims, and all that is known to be true of the picture."""

    pixels: Pixels
    text: str
    claims: frozenset[Fact]
    truth: frozenset[Fact]


class PairSource:
    """Draws pairs from photos (by `PART_WEIGHTS`) and from the generated world, reproducibly."""

    def __init__(self, parts: Sequence[Part], world_share: float, rng: Generator) -> None:
        self._parts, self._world_share, self._rng = parts, world_share, rng
        weights = np.array([PART_WEIGHTS[part.name] * len(part.photos) for part in parts])
        self._chances = weights / weights.sum()
        self._truths = [[photo_truth(photo, (part.name, i)) for i, photo in enumerate(part.photos)] for part in parts]

    def batch(self, size: int, side: int) -> list[Pair]:
        worlds = round(size * self._world_share)
        return [world_pair(side, self._rng) for _ in range(worlds)] + list(self._photo_pairs(size - worlds, side))

    def _photo_pairs(self, count: int, side: int) -> Iterator[Pair]:
        rng = self._rng
        for which in rng.choice(len(self._parts), count, p=self._chances):
            part = self._parts[which]
            index, other = (int(i) for i in rng.integers(len(part.photos), size=2))
            text, claims = photo_text(part.photos[index], (part.name, index), rng)
            may_flip = SIDED.search(text) is None
            pixels = photo_view(part.pixels[index], part.pixels[other], side, rng, may_flip=may_flip)
            yield Pair(pixels, text, claims, self._truths[which][index])


def world_pair(side: int, rng: Generator) -> Pair:
    scene = random_scene(rng)
    caption = place_caption(scene, rng) if rng.random() < 0.08 else random_caption(scene, rng)
    return Pair(camera_view(render(scene, side, side), rng), caption.text, caption.facts, facts_of(scene))


def photo_text(photo: Photo, identity: Fact, rng: Generator) -> tuple[str, frozenset[Fact]]:
    """One text of the photo: a caption (true of this photo alone) or a phrase around one of its concepts."""
    if photo.captions:
        return photo.captions[int(rng.integers(len(photo.captions)))], frozenset({("photo", *identity)})
    broad = len(photo.concepts) > 1 and rng.random() < 0.2
    concept = photo.concepts[int(rng.integers(1, len(photo.concepts)))] if broad else photo.label
    template = LABEL_TEMPLATES[int(rng.integers(len(LABEL_TEMPLATES)))]
    return template.format(concept), frozenset({("is", concept)})


def photo_truth(photo: Photo, identity: Fact) -> frozenset[Fact]:
    """Its concepts, itself, and every word of its captions, so that "a dog" holds for a captioned dog too."""
    words = {word for caption in photo.captions for word in re.findall(r"[a-z]+", caption.lower())}
    return frozenset({("photo", *identity)} | {("is", name) for name in (*photo.concepts, *words)})


def positives(pairs: Sequence[Pair]) -> npt.NDArray[np.float32]:
    """float32 [pictures, texts]: 1 where the text holds for the picture; the diagonal always does."""
    held = [[text.claims <= picture.truth for text in pairs] for picture in pairs]
    return np.array(held, np.float32)

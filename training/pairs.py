"""Picture-text pairs for training, with the truth of which text holds for which picture of the batch."""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from training.augment import camera_view, photo_view, resized, side_by_side
from training.facts import FILLERS
from training.photos import PART_WEIGHTS, Part, Photo
from training.scene_pool import ScenePool
from training.world.captions import Fact, place_caption, random_caption
from training.world.shapes import Pixels

Generator = np.random.Generator

LABEL_TEMPLATES = ("{}", "a {}", "a photo of a {}", "a picture of a {}", "there is a {}", "{} seen by a camera")
BOTH_TEMPLATES = ("{} and {}", "a {} and a {}", "a {} beside a {}", "a {} next to a {}")
WORDS = re.compile(r"[a-z]+")
SIDED = re.compile(r"\b(left|right)\b")
PHRASE_SHARE, LONGEST_PHRASE = 0.25, 4
"""How often a caption is cut to a few of its words, as people search: "brown dog", "running on grass"."""
BOTH_SHARE = 0.1
"""How often a labelled photo stands beside another, so that a text may name one of several things."""


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
        self._scenes = ScenePool(rng)
        weights = np.array([PART_WEIGHTS[part.name] * len(part.photos) for part in parts])
        self._chances = weights / weights.sum()
        self._truths = [[photo_truth(photo, (part.name, i)) for i, photo in enumerate(part.photos)] for part in parts]

    @property
    def truths(self) -> Iterator[frozenset[Fact]]:
        """What is known of each photo."""
        return itertools.chain.from_iterable(self._truths)

    def batch(self, size: int, side: int) -> list[Pair]:
        worlds = round(size * self._world_share)
        return [self._world_pair(side) for _ in range(worlds)] + list(self._photo_pairs(size - worlds, side))

    def _world_pair(self, side: int) -> Pair:
        rng, painted = self._rng, self._scenes.draw()
        caption = (place_caption if rng.random() < 0.08 else random_caption)(painted.scene, rng)
        return Pair(camera_view(resized(painted.pixels, side), rng), caption.text, caption.facts, painted.truth)

    def _photo_pairs(self, count: int, side: int) -> Iterator[Pair]:
        for which in self._rng.choice(len(self._parts), count, p=self._chances):
            part = self._parts[which]
            index, other = (int(i) for i in self._rng.integers(len(part.photos), size=2))
            both = part.photos[index].label and part.photos[other].label and self._rng.random() < BOTH_SHARE
            yield (self._both if both else self._one)(which, index, other, side)

    def _one(self, which: int, index: int, other: int, side: int) -> Pair:
        part, rng = self._parts[which], self._rng
        text, claims = photo_text(part.photos[index], (part.name, index), rng)
        may_flip = SIDED.search(text) is None
        pixels = photo_view(part.pixels[index], part.pixels[other], side, rng, may_flip=may_flip)
        return Pair(pixels, text, claims, self._truths[which][index])

    def _both(self, which: int, index: int, other: int, side: int) -> Pair:
        part, rng = self._parts[which], self._rng
        first, second = part.photos[index].label, part.photos[other].label
        text = BOTH_TEMPLATES[int(rng.integers(len(BOTH_TEMPLATES)))].format(first, second)
        truth = frozenset(fact for at in (index, other) for fact in self._truths[which][at] if fact[0] == "is")
        pixels = side_by_side(part.pixels[index], part.pixels[other], side, rng)
        return Pair(pixels, text, frozenset({("is", first), ("is", second)}), truth)


def photo_text(photo: Photo, identity: Fact, rng: Generator) -> tuple[str, frozenset[Fact]]:
    """One text of the photo: a caption (true of this photo alone), a few of its words, or a phrase around one of its concepts."""
    if photo.captions:
        caption = photo.captions[int(rng.integers(len(photo.captions)))]
        phrase = phrase_of(caption, rng) if rng.random() < PHRASE_SHARE else None
        return phrase or (caption, frozenset({("photo", *identity)}))
    broad = len(photo.concepts) > 1 and rng.random() < 0.2
    concept = photo.concepts[int(rng.integers(1, len(photo.concepts)))] if broad else photo.label
    template = LABEL_TEMPLATES[int(rng.integers(len(LABEL_TEMPLATES)))]
    return template.format(concept), frozenset({("is", concept)})


def phrase_of(caption: str, rng: Generator) -> tuple[str, frozenset[Fact]] | None:
    """Some words of the caption in their order, which hold for every photo that has them all; None where they name nothing."""
    words = WORDS.findall(caption.lower())
    length = int(rng.integers(1, LONGEST_PHRASE + 1))
    start = int(rng.integers(max(1, len(words) - length + 1)))
    chosen = words[start : start + length]
    while chosen and chosen[-1] in FILLERS:
        chosen.pop()
    claims = frozenset(("is", word) for word in chosen if word not in FILLERS)
    return (" ".join(chosen), claims) if claims else None


def photo_truth(photo: Photo, identity: Fact) -> frozenset[Fact]:
    """Its concepts, itself, and every word of its captions, so that "a dog" holds for a captioned dog too."""
    words = {word for caption in photo.captions for word in WORDS.findall(caption.lower())}
    return frozenset({("photo", *identity)} | {("is", name) for name in (*photo.concepts, *words)})


def positives(pairs: Sequence[Pair]) -> npt.NDArray[np.float32]:
    """float32 [pictures, texts]: 1 where the text holds for the picture; the diagonal always does."""
    held = [[text.claims <= picture.truth for text in pairs] for picture in pairs]
    return np.array(held, np.float32)

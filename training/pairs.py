"""What a text says of a photo: labels, captions and cut captions, what each claims, and what is true of the photo."""

import itertools
import re

import numpy as np

from training.facts import FILLERS
from training.photos import Photo
from training.world.captions import Caption, Fact

Generator = np.random.Generator

LABEL_TEMPLATES = ("{}", "a {}", "a photo of a {}", "a picture of a {}", "there is a {}", "{} seen by a camera")
WORDS = re.compile(r"[a-z]+")
SIDED = re.compile(r"\b(left|right)\b")
TEXTS = 40
"""Texts of a photo that training draws from, evenly."""
BROAD_SHARE, PHRASE_SHARE = 0.2, 0.25
"""How many of them name a broader word than the label; or are a few words of a caption, as people search: "brown dog"."""
LONGEST_PHRASE = 4


def photo_captions(photo: Photo, identity: Fact, rng: Generator) -> list[Caption]:
    """`TEXTS` texts of the photo: captions (true of it alone) and some of their words, or phrases around its concepts."""
    if not photo.captions:
        return label_captions(photo.concepts)
    told, alone = itertools.cycle(photo.captions), frozenset({("photo", *identity)})
    phrases = [phrase_of(next(told), rng) for _ in range(round(TEXTS * PHRASE_SHARE))]
    cut = [phrase for phrase in phrases if phrase is not None]
    return cut + [Caption(next(told), alone) for _ in range(TEXTS - len(cut))]


def label_captions(concepts: tuple[str, ...]) -> list[Caption]:
    """`TEXTS` phrases around the first of `concepts`, the label, and some around the broader others."""
    broad = round(TEXTS * BROAD_SHARE) if len(concepts) > 1 else 0
    named = [*([concepts[0]] * (TEXTS - broad)), *(concepts[1 + i % (len(concepts) - 1)] for i in range(broad))]
    return [
        Caption(LABEL_TEMPLATES[i % len(LABEL_TEMPLATES)].format(concept), frozenset({("is", concept)}))
        for i, concept in enumerate(named)
    ]


def phrase_of(caption: str, rng: Generator) -> Caption | None:
    """Some words of the caption in their order, which hold for every photo that has them all; None where they name nothing."""
    words = WORDS.findall(caption.lower())
    length = int(rng.integers(1, LONGEST_PHRASE + 1))
    start = int(rng.integers(max(1, len(words) - length + 1)))
    chosen = words[start : start + length]
    while chosen and chosen[-1] in FILLERS:
        chosen.pop()
    claims = frozenset(("is", word) for word in chosen if word not in FILLERS)
    return Caption(" ".join(chosen), claims) if claims else None


def photo_truth(photo: Photo, identity: Fact) -> frozenset[Fact]:
    """Its concepts, itself, and every word of its captions, so that "a dog" holds for a captioned dog too."""
    words = {word for caption in photo.captions for word in WORDS.findall(caption.lower())}
    return frozenset({("photo", *identity)} | {("is", name) for name in (*photo.concepts, *words)})

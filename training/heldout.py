"""Held-out pictures and queries with their truth: photos that training never saw, and scenes of other seeds."""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from encoders.encoder import Encoder
from encoders.folder import Vectors
from training.pairs import photo_truth
from training.photos import Part
from training.world.captions import Caption, Fact, facts_of, random_caption
from training.world.render import render
from training.world.scene import random_scene
from training.world.shapes import Pixels

Generator = np.random.Generator

SEED = 99
BATCH = 32


@dataclasses.dataclass(frozen=True)
class Item:
    """A picture of any size, the sort it belongs to, what is known to be true of it, and texts that hold for it."""

    pixels: Pixels
    sort: Fact
    truth: frozenset[Fact]
    captions: tuple[Caption, ...]


def photo_items(parts: Sequence[Part], rng: Generator, per_part: int) -> list[Item]:
    """At most `per_part` photos of each part: labelled ones with their label, captioned ones with their captions."""
    items = []
    for part in parts:
        for index in rng.permutation(len(part.photos))[:per_part].tolist():
            photo, identity = part.photos[index], (part.name, index)
            labels = [Caption(photo.label, frozenset({("is", photo.label)}))] if photo.label else []
            captions = [Caption(text, frozenset({("photo", *identity)})) for text in photo.captions]
            sort: Fact = ("is", photo.label) if photo.label else identity
            items.append(Item(part.pixels[index], sort, photo_truth(photo, identity), (*labels, *captions)))
    return items


def scene_items(count: int, rng: Generator, width: int = 320, height: int = 180) -> list[Item]:
    """Scenes at a camera's shape, with three captions each."""
    items = []
    for _ in range(count):
        scene = random_scene(rng)
        captions = tuple(random_caption(scene, rng) for _ in range(3))
        items.append(Item(render(scene, width, height), ("place", scene.place), facts_of(scene), captions))
    return items


def embed_pictures(encoder: Encoder, pictures: Sequence[Pixels]) -> Vectors:
    """Unit vectors [pictures, dimension], prepared as frames and queries are."""
    prepared = [encoder.fit(np.ascontiguousarray(picture)) for picture in pictures]
    batches = [np.stack(prepared[i : i + BATCH]) for i in range(0, len(prepared), BATCH)]
    return np.concatenate([encoder.embed_images(batch) for batch in batches])


def embed_queries(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Unit vectors [texts, dimension], each the mean over the encoder's prompts."""
    return np.concatenate([encoder.embed_texts(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)])


def another_look(picture: Pixels, rng: Generator) -> Pixels:
    """The same thing as a user would show it: cut a little closer, and dimmer or brighter."""
    height, width = picture.shape[:2]
    keep = float(rng.uniform(0.75, 0.95))
    y, x = (int(rng.uniform(0, 1 - keep) * side) for side in (height, width))
    cut = picture[y : y + round(keep * height), x : x + round(keep * width)]
    return np.asarray(cv2.convertScaleAbs(cut, alpha=float(rng.uniform(0.8, 1.2))), np.uint8)

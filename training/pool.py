"""All that training draws from, as tensors on one device: pictures, texts, and numbers for what is true and what is claimed."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import tokenizers
import torch
from torch import Tensor

from training.facts import FEWEST_PHOTOS, FILLERS
from training.pairs import SIDED, TEXTS, photo_captions, photo_truth
from training.photos import PART_WEIGHTS, Part
from training.scenes import SIDE_PX, Painted
from training.vocabulary import token_ids
from training.world.captions import Caption, Fact
from training.world.shapes import Pixels

Facts = frozenset[Fact]


@dataclasses.dataclass(frozen=True)
class Pool:
    """Photos first, then scenes; facts are numbers, those that are classes of the second task first.

    `pixels` uint8 [items, SIDE_PX, SIDE_PX, 3]; `heights` float32 [photos], rising to 1: a photo's share is its step;
    `choices` int64 [items, TEXTS], the rows of its texts; `truths` int64 [items, most], filled up with the number `facts`;
    `ids` int64 [texts, tokens]; `claims` int64 [texts, most], filled up likewise; `owners` int64 [texts], the one picture of
    which a caption is true, else -1; `may_mirror` bool [texts], false where a side is named.
    """

    pixels: Tensor
    heights: Tensor
    choices: Tensor
    truths: Tensor
    ids: Tensor
    claims: Tensor
    owners: Tensor
    may_mirror: Tensor
    facts: int
    classes: int

    @property
    def photos(self) -> int:
        return len(self.heights)

    def to(self, device: torch.device) -> "Pool":
        """The same on `device`."""
        tensors = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return Pool(**{**vars(self), **tensors})


def gather(parts: Sequence[Part], scenes: Sequence[Painted], tokenizer: tokenizers.Tokenizer, seed: int) -> Pool:
    """The pool of all photos of `parts` and of `scenes`."""
    rng = np.random.default_rng(seed)
    photos = [(photo, (part.name, index)) for part in parts for index, photo in enumerate(part.photos)]
    truths = [*(photo_truth(*photo) for photo in photos), *(scene.truth for scene in scenes)]
    table = _Texts()
    for item, photo in enumerate(photos):
        table.add(item, photo_captions(*photo, rng))
    for item, scene in enumerate(scenes, start=len(photos)):
        table.add(item, [scene.captions[i % len(scene.captions)] for i in range(TEXTS)])
    numbers, classes = numbered(truths[: len(photos)], truths)
    weights = np.concatenate([np.full(len(part.photos), PART_WEIGHTS[part.name]) for part in parts])
    rises = np.cumsum(weights / weights.sum())
    return Pool(
        pixels=torch.from_numpy(np.concatenate([*(_whole(part.pixels) for part in parts), *([s.pixels[None] for s in scenes])])),
        heights=torch.from_numpy(rises.astype(np.float32)),
        choices=torch.from_numpy(np.array(table.choices, np.int64)),
        truths=_filled(truths, numbers),
        ids=torch.from_numpy(token_ids(tokenizer, [text for text, _, _ in table.rows])),
        claims=_filled([claims for _, claims, _ in table.rows], numbers),
        owners=torch.tensor([owner for _, _, owner in table.rows]),
        may_mirror=torch.tensor([SIDED.search(text) is None for text, _, _ in table.rows]),
        facts=len(numbers),
        classes=classes,
    )


def numbered(of_photos: Iterable[Facts], truths: Iterable[Facts]) -> tuple[dict[Fact, int], int]:
    """A number for every fact but a photo's identity, and how many of them are classes: known of enough photos, and naming
    something."""
    counts = Counter(fact for truth in of_photos for fact in truth if fact[0] == "is" and fact[1] not in FILLERS)
    classes = sorted((fact for fact, count in counts.items() if count >= FEWEST_PHOTOS), key=str)
    others = {fact for truth in truths for fact in truth if fact[0] != "photo"} - set(classes)
    return {fact: number for number, fact in enumerate([*classes, *sorted(others, key=str)])}, len(classes)


class _Texts:
    """Every text once, with what it claims; and which of them belong to each item."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Facts, int], int] = {}
        self.choices: list[list[int]] = []

    def add(self, item: int, captions: Sequence[Caption]) -> None:
        self.choices.append([self._row(item, caption) for caption in captions])

    def _row(self, item: int, caption: Caption) -> int:
        alone = any(fact[0] == "photo" for fact in caption.facts)
        claims = frozenset[Fact]() if alone else caption.facts
        return self.rows.setdefault((caption.text, claims, item if alone else -1), len(self.rows))


def _filled(sets: Sequence[Facts], numbers: dict[Fact, int]) -> Tensor:
    """int64 [sets, most], each row the numbers of a set, filled up with the number of facts."""
    rows = [sorted(numbers[fact] for fact in held if fact[0] != "photo") for held in sets]
    filled: npt.NDArray[np.int64] = np.full((len(rows), max(map(len, rows))), len(numbers), np.int64)
    for place, row in enumerate(rows):
        filled[place, : len(row)] = row
    return torch.from_numpy(filled)


def _whole(pixels: Pixels) -> Pixels:
    """Photos at [n, SIDE_PX, SIDE_PX, 3]."""
    if pixels.shape[1] == SIDE_PX:
        return pixels
    return np.stack([np.asarray(cv2.resize(photo, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)) for photo in pixels])

"""How pico-1's towers are trained: larger teachers first, then pico from the truth and from what they choose."""

import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import tokenizers
import torch

from training.curve import Curve
from training.learner import Learner
from training.optimise import Course, Run, save, train
from training.pairs import LABEL_TEMPLATES
from training.photos import Part, load_parts
from training.pool import Pool, gather
from training.scenes import paint
from training.towers import PICO, TEACHER, TEXT_TOKENS, Shape
from training.vocabulary import load_tokenizer, train_tokenizer
from training.world.captions import place_caption, random_caption
from training.world.scene import random_scene

SEED = 20261121
WORLD_TEXTS = 20_000
SCENES = 40_000

TEACHERS = 2
TEACHERS_TIME = 0.43
"""Their share of the whole time."""
# Small pictures first: most of what there is to learn shows at 48 px, at half the cost of 64.
TEACHING = Course(1e-3, 1024, ((0.0, 48), (0.3, 64), (0.6, 80)))
LEARNING = Course(1e-3, 1024, ((0.0, 48), (0.3, 64), (0.6, 80)), trust=0.7)


def train_towers(images: pathlib.Path, work: pathlib.Path, seconds: float, device: torch.device) -> pathlib.Path:
    """Train for `seconds`; leaves towers.pt, tokenizer.json and curve.csv in `work` and returns the path of the first."""
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(SEED)
    parts = load_parts(images, "train")
    tokenizer = made_tokenizer(parts, work / "tokenizer.json")
    pool = gather(parts, paint(SCENES, SEED), tokenizer, SEED).to(device)
    curve = Curve(load_parts(images, "heldout"), tokenizer, work / "curve.csv", device)
    teachers = []
    for number in range(TEACHERS):
        curve.run = f"teacher {number + 1}"
        run = Run(new_learner(pool, tokenizer, TEACHER), pool, TEACHING, seconds * TEACHERS_TIME / TEACHERS)
        train(run, work / f"teacher{number + 1}.pt", curve.note)
        teachers.append(run.average)
    curve.run = "pico"
    run = Run(new_learner(pool, tokenizer, PICO), pool, LEARNING, seconds * (1 - TEACHERS_TIME), teachers)
    train(run, work / "pico.pt", curve.note)
    save(run.average.towers.cpu(), work / "towers.pt")
    return work / "towers.pt"


def new_learner(pool: Pool, tokenizer: tokenizers.Tokenizer, shape: Shape) -> Learner:
    return Learner(tokenizer.get_vocab_size(), pool.classes, shape)


def made_tokenizer(parts: Sequence[Part], path: pathlib.Path) -> tokenizers.Tokenizer:
    """Learn the subwords of all texts and keep them at `path`."""
    # Threads of its own would not survive the processes that paint.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    train_tokenizer([*photo_texts(parts), *world_texts(np.random.default_rng(SEED))], TEXT_TOKENS).save(str(path))
    return load_tokenizer(path)


def photo_texts(parts: Sequence[Part]) -> Iterator[str]:
    """Every caption, and every label in every template."""
    for part in parts:
        for photo in part.photos:
            yield from photo.captions
        for concept in sorted({concept for photo in part.photos for concept in photo.concepts}):
            yield from (template.format(concept) for template in LABEL_TEMPLATES)


def world_texts(rng: np.random.Generator) -> Iterator[str]:
    for _ in range(WORLD_TEXTS):
        scene = random_scene(rng)
        yield (place_caption if rng.random() < 0.1 else random_caption)(scene, rng).text

"""Make pico-1 from photos and the generated world: `python -m training.pico --minutes N --out DIR`."""

import argparse
import copy
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from encoders.address import load
from training.curve import Curve
from training.export import write_folder
from training.facts import FactClasses
from training.fit_found import fit, heldout_items, write
from training.loader import BatchMaker, Loader
from training.optimise import AGAIN, FROM_NOTHING, Run, halfway, save, train
from training.pairs import LABEL_TEMPLATES, PairSource
from training.photos import Part, default_images, load_parts
from training.towers import TEXT_TOKENS, Towers
from training.vocabulary import load_tokenizer, train_tokenizer
from training.world.captions import place_caption, random_caption
from training.world.scene import random_scene

SEED = 20261121
WORLD_SHARE = 0.15
WORLD_TEXTS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=90.0, help="wall-clock length of the training itself")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the model folder to write")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(".framebus/training"), help="where checkpoints go")
    parser.add_argument("--images", type=pathlib.Path, default=default_images(), help="the folder of labelled photos")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="how many cores to use")
    parser.add_argument("--world-share", type=float, default=WORLD_SHARE, help="how much of each batch is generated scenes")
    parser.add_argument("--resume", action="store_true", help="start from the weights that the last run left in --work")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.work / "towers.pt"
    train_towers(
        arguments.images,
        checkpoint,
        arguments.minutes * 60,
        arguments.threads,
        resume=arguments.resume,
        world_share=arguments.world_share,
    )
    write_folder(checkpoint, arguments.images, arguments.out)
    write(arguments.out / "encoder.json", *fit(load(str(arguments.out), threads=1), heldout_items(arguments.images)))


def train_towers(
    images: pathlib.Path, checkpoint: pathlib.Path, seconds: float, threads: int, *, resume: bool, world_share: float
) -> None:
    """Train for `seconds`, anew or from `checkpoint`; leaves `checkpoint`, and beside it tokenizer.json and curve.csv.

    What a second course has learnt fits the photos' own sets better and other footage worse; the weights halfway between its
    ends keep both (Wortsman et al. 2022, arxiv.org/abs/2109.01903).
    """
    # The loader forks: a tokenizer's own threads would not survive that.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    parts = load_parts(images, "train")
    vocabulary = checkpoint.with_name("tokenizer.json")
    if not resume:
        train_tokenizer([*photo_texts(parts), *world_texts(rng)], TEXT_TOKENS).save(str(vocabulary))
    tokenizer = load_tokenizer(vocabulary)
    towers = Towers(tokenizer.get_vocab_size())
    if resume:
        towers.load_state_dict(torch.load(checkpoint, weights_only=True))
    courses = (AGAIN,) if resume else (FROM_NOTHING, AGAIN)
    source = PairSource(parts, world_share, rng)
    maker = BatchMaker(source, tokenizer, FactClasses(source.truths))
    curve = Curve(load_parts(images, "heldout"), tokenizer, checkpoint.with_name("curve.csv"))
    loader = Loader(maker, courses[0].side_at(0.0), SEED)
    for course in courses:
        begun = copy.deepcopy(towers)
        run = Run(towers, len(maker.classes), course, seconds / len(courses), threads)
        train(run, loader, checkpoint, curve.note)
        towers = run.average
    loader.close()
    save(halfway(begun, towers), checkpoint)


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


if __name__ == "__main__":
    main()

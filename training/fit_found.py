"""Fit the thresholds of `found` on held-out pictures: `python -m training.fit_found FOLDER` rewrites its encoder.json."""

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from encoders.address import load
from encoders.encoder import Encoder
from encoders.folder import Vectors
from training.heldout import SEED, Item, another_look, embed_pictures, embed_queries, photo_items, scene_items
from training.photos import default_images, load_parts

CORPORA, SMALLEST, LARGEST = 300, 16, 64
QUERIES_PER_CORPUS = 8

Generator = np.random.Generator
Rows = npt.NDArray[np.int64]
Truth = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Fit:
    """A threshold, and the shares of present answers kept and of absent ones rejected."""

    threshold: float
    present_kept: float
    absent_rejected: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="the model folder")
    parser.add_argument("--images", type=pathlib.Path, default=default_images(), help="the folder of labelled photos")
    arguments = parser.parse_args()
    text, image = fit(load(str(arguments.folder), threads=1), heldout_items(arguments.images))
    write(arguments.folder / "encoder.json", text, image)
    print(f"text  {text}\nimage {image}")


def heldout_items(images: pathlib.Path) -> list[Item]:
    """About as many scenes as photos, the photos spread over all parts."""
    rng = np.random.default_rng(SEED)
    return photo_items(load_parts(images, "heldout"), rng, 60) + scene_items(450, rng)


def fit(encoder: Encoder, items: Sequence[Item]) -> tuple[Fit, Fit]:
    """Thresholds for text and for picture queries, from the same corpora."""
    rng = np.random.default_rng(SEED)
    corpora = [rng.choice(len(items), int(rng.integers(SMALLEST, LARGEST + 1)), replace=False) for _ in range(CORPORA)]
    captions = [caption for item in items for caption in item.captions]
    looks = [another_look(item.pixels, rng) for item in items]
    rows = embed_pictures(encoder, [item.pixels for item in items])
    text_scores = rows @ texts_less_background(encoder, [caption.text for caption in captions]).T
    image_scores = rows @ embed_pictures(encoder, looks).T
    said = np.array([[caption.holds_in(item.truth) for caption in captions] for item in items])
    alike = np.array([[item.sort == other.sort for other in items] for item in items])
    text = balanced(*best_scores(text_scores, said, said, corpora, rng))
    return text, balanced(*best_scores(image_scores, np.eye(len(items), dtype=bool), alike, corpora, rng))


def texts_less_background(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Vectors [texts, dimension] whose product with a row is its score, as search has it; a picture's is the picture's own."""
    return np.asarray(embed_queries(encoder, texts) - encoder.background.texts.mean(axis=0), np.float32)


def best_scores(
    scores: Vectors, answers: Truth, alike: Truth, corpora: Sequence[Rows], rng: Generator
) -> tuple[Vectors, Vectors]:
    """Best scores over corpora: of queries with an answer in the corpus, and of queries with nothing alike in it.

    A picture of a thing of which the corpus holds another picture counts as neither.
    """
    present: list[float] = []
    absent: list[float] = []
    for corpus in corpora:
        best = scores[corpus].max(axis=0)
        present += rng.choice(best[answers[corpus].any(axis=0)], QUERIES_PER_CORPUS).tolist()
        absent += rng.choice(best[~alike[corpus].any(axis=0)], QUERIES_PER_CORPUS).tolist()
    return np.array(present, np.float32), np.array(absent, np.float32)


def balanced(present: Vectors, absent: Vectors) -> Fit:
    """The threshold with the best mean of the two shares."""
    fits = [_fit_at(threshold, present, absent) for threshold in np.quantile([*present, *absent], np.linspace(0, 1, 401))]
    return max(fits, key=lambda fit: fit.present_kept + fit.absent_rejected)


def _fit_at(threshold: float, present: Vectors, absent: Vectors) -> Fit:
    return Fit(float(threshold), float((present >= threshold).mean()), float((absent < threshold).mean()))


def write(card: pathlib.Path, text: Fit, image: Fit) -> None:
    """Put the thresholds, what they were fitted on and what they achieve there into `card`, whole or not at all."""
    entry = json.loads(card.read_text())
    entry["found"] = {
        "text": round(text.threshold, 4),
        "image": round(image.threshold, 4),
        "fitted_on": f"{CORPORA} corpora of {SMALLEST} to {LARGEST} held-out photos and scenes",
        "text_present_kept": round(text.present_kept, 3),
        "text_absent_rejected": round(text.absent_rejected, 3),
        "image_present_kept": round(image.present_kept, 3),
        "image_absent_rejected": round(image.absent_rejected, 3),
    }
    partial = card.with_suffix(".partial")
    partial.write_text(json.dumps(entry, indent=2) + "\n")
    partial.replace(card)


if __name__ == "__main__":
    main()

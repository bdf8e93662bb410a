"""The fixed backgrounds that a model folder ships: what pictures and texts score when nothing is meant."""

import pathlib
from collections.abc import Sequence

import numpy as np

from encoders.address import load
from training.heldout import embed_pictures, embed_queries
from training.photos import PART_WEIGHTS, Part, load_parts
from training.world.captions import random_caption
from training.world.render import render
from training.world.scene import random_scene
from training.world.shapes import Pixels

SEED = 7
PHOTOS, SCENES = 160, 96
PHOTO_CAPTIONS, SCENE_CAPTIONS = 352, 160


def write_background(folder: pathlib.Path, images: pathlib.Path) -> None:
    """Embed the backgrounds with the towers in `folder` and write `background.npz` beside them."""
    parts, encoder = load_parts(images, "train"), load(str(folder), threads=1)
    pictures = embed_pictures(encoder, background_pictures(parts))
    texts = embed_queries(encoder, background_texts(parts))
    with (folder / "background.npz").open("wb") as file:
        np.savez(file, images=pictures.astype(np.float16), texts=texts.astype(np.float16))


def background_pictures(parts: Sequence[Part]) -> list[Pixels]:
    """`PHOTOS` training photos, drawn as often from each part as training draws them, and `SCENES` scenes."""
    rng = np.random.default_rng(SEED)
    weights = np.array([PART_WEIGHTS[part.name] * len(part.photos) for part in parts])
    drawn = [parts[i].pixels for i in rng.choice(len(parts), PHOTOS, p=weights / weights.sum())]
    photos = [pixels[int(rng.integers(len(pixels)))] for pixels in drawn]
    return photos + [render(random_scene(rng), 320, 180) for _ in range(SCENES)]


def background_texts(parts: Sequence[Part]) -> list[str]:
    """Human captions of training photos, and captions of scenes."""
    rng = np.random.default_rng(SEED)
    captions = sorted({caption for part in parts for photo in part.photos for caption in photo.captions})
    chosen = [captions[int(i)] for i in rng.choice(len(captions), PHOTO_CAPTIONS, replace=False)]
    return chosen + [random_caption(random_scene(rng), rng).text for _ in range(SCENE_CAPTIONS)]

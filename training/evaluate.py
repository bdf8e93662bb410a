"""Held-out figures of a model folder, from its ONNX files: `python -m training.evaluate FOLDER [--json FILE]`."""

import argparse
import json
import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from encoders.address import load
from encoders.encoder import Encoder
from encoders.folder import Vectors
from training.clip_queries import CLIP_QUERIES, EARLIER_QUERIES, TIMECODES, Query
from training.fit_found import texts_less_background
from training.footage import ClipRows, index_clips, picture_at
from training.heldout import SEED, embed_pictures, embed_queries, scene_items
from training.photos import Part, default_images, load_parts
from training.recall import Figures, recalls

SCENES = 400
VIDEOS = (".mp4", ".mkv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="the model folder")
    parser.add_argument("--images", type=pathlib.Path, default=default_images(), help="the folder of labelled photos")
    parser.add_argument(
        "--videos", type=pathlib.Path, default=default_images().parent / "videos", help="the folder of real clips"
    )
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here too")
    arguments = parser.parse_args()
    encoder = load(str(arguments.folder), threads=1)
    figures = evaluate(encoder, arguments.images, arguments.videos)
    print("\n".join(f"{name:46} {value:6.1%}" for name, value in figures.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({"space": encoder.space, "figures": figures}, indent=2) + "\n")


def evaluate(encoder: Encoder, images: pathlib.Path, videos: pathlib.Path) -> Figures:
    parts = load_parts(images, "heldout")
    figures = caption_retrieval(encoder, next(part for part in parts if part.name == "flickr8k"))
    for part in parts:
        figures |= zero_shot(encoder, part)
    figures |= scene_retrieval(encoder)
    clips = sorted(path for path in videos.rglob("*") if path.suffix in VIDEOS)
    return figures | clip_search(encoder, clips)


def caption_retrieval(encoder: Encoder, part: Part) -> Figures:
    """Every caption of the part's photos must find its own photo among all of them."""
    rows = embed_pictures(encoder, list(part.pixels))
    owners = [index for index, photo in enumerate(part.photos) for _ in photo.captions]
    queries = embed_queries(encoder, [caption for photo in part.photos for caption in photo.captions])
    holds = np.arange(len(rows))[:, None] == np.array(owners)[None, :]
    return recalls(f"{part.name} text to image", rows @ queries.T, holds, (1, 5, 10))


def zero_shot(encoder: Encoder, part: Part) -> Figures:
    """Top-1 and top-5 of the part's own labels; nothing for parts with fewer than six."""
    labels = sorted({photo.label for photo in part.photos if photo.label})
    if len(labels) < 6:
        return {}
    rows, queries = embed_pictures(encoder, list(part.pixels)), embed_queries(encoder, labels)
    holds = np.array([[photo.label == label for photo in part.photos] for label in labels])
    return recalls(f"{part.name} zero-shot of {len(labels)}", queries @ rows.T, holds, (1, 5))


def scene_retrieval(encoder: Encoder, scenes: int = SCENES) -> Figures:
    """A true caption must find a scene for which it holds, among scenes of seeds that training never drew."""
    items = scene_items(scenes, np.random.default_rng(SEED + 1))
    captions = [item.captions[0] for item in items]
    scores = embed_pictures(encoder, [item.pixels for item in items]) @ embed_queries(encoder, [c.text for c in captions]).T
    holds = np.array([[caption.holds_in(item.truth) for caption in captions] for item in items])
    chance = {f"generated scenes, chance of {scenes}": float(holds.mean())}
    return recalls(f"generated scenes, text to one of {scenes}", scores, holds, (1, 5)) | chance


def clip_search(encoder: Encoder, paths: Sequence[pathlib.Path]) -> Figures:
    """A picture from the middle of a clip, and plain texts, must bring the right clip of all first, or in the first three."""
    clips = index_clips(encoder, paths)
    middles = [picture_at(path, float(clip.seconds[-1]) / 2) for path, clip in zip(paths, clips, strict=True)]
    pictures = clip_scores(clips, embed_pictures(encoder, middles))
    figures = recalls(f"real clips, middle picture to clip of {len(clips)}", pictures, _same_film(clips), (1,))
    return figures | text_search(encoder, clips, EARLIER_QUERIES) | text_search(encoder, clips, CLIP_QUERIES)


def _same_film(clips: Sequence[ClipRows]) -> npt.NDArray[np.bool_]:
    """[clips, clips]: true for a clip and itself, and for a film that is there twice."""
    films = ["/".join(TIMECODES) if clip.name in TIMECODES else clip.name for clip in clips]
    return np.array([[film == other for other in films] for film in films])


def text_search(encoder: Encoder, clips: Sequence[ClipRows], queries: Sequence[Query]) -> Figures:
    """Texts to clips, scored as search scores them, and with the plain cosine beside it."""
    texts = [text for text, _ in queries]
    told = np.array([[clip.name in answers for _, answers in queries] for clip in clips])
    name = f"real clips, {len(texts)} texts to clip"
    searched = recalls(name, clip_scores(clips, texts_less_background(encoder, texts)), told, (1, 3))
    return searched | recalls(f"{name}, plain cosine", clip_scores(clips, embed_queries(encoder, texts)), told, (1, 3))


def clip_scores(clips: Sequence[ClipRows], queries: Vectors) -> Vectors:
    """The best row of each clip: [clips, queries]."""
    return np.stack([(clip.vectors @ queries.T).max(axis=0) for clip in clips])


if __name__ == "__main__":
    main()

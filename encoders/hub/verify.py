"""An export against transformers' own output on the same inputs: what is not the same is not kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from encoders import onnx_runtime
from encoders.errors import EncoderError
from encoders.folder import IMAGE, TEXT, TOKENIZER, Vectors
from encoders.hub.model import DualEncoder
from encoders.hub.pixels import Normalisation
from encoders.hub.tokens import TextSide
from encoders.tokenizer import TextTokenizer

COSINE_AT_LEAST: Final = 0.9999
PICTURES: Final = 4
TEXTS: Final = (
    "a red car on a wet road",
    "Two people, beside a tree!",
    "  An EMPTY street   at night ",
    "it's a dog (or a cat?) no. 42",
    "ein Zug fährt über die Brücke, 日本語, naïve café",
    "",
    "a very long text " * 40,
)


@dataclass(frozen=True)
class Agreement:
    """The least cosine between a vector of the export and transformers' own."""

    image: float
    text: float


def compare(folder: Path, encoder: DualEncoder, normalisation: Normalisation, text: TextSide, threads: int) -> Agreement:
    """Return how well the towers in `folder` agree with the model that they are made from; raises `EncoderError` if not well."""
    agreement = Agreement(
        image=_pictures(folder / IMAGE, encoder, normalisation, threads), text=_texts(folder, encoder, text, threads)
    )
    for tower, cosine in (("image", agreement.image), ("text", agreement.text)):
        if not cosine >= COSINE_AT_LEAST:
            raise EncoderError(
                f"the exported {tower} tower answers otherwise than transformers: cosine {cosine:.6f}, needed are "
                f"{COSINE_AT_LEAST}; nothing is kept"
            )
    return agreement


def _pictures(path: Path, encoder: DualEncoder, normalisation: Normalisation, threads: int) -> float:
    width, height = encoder.image_size
    pixels = np.random.default_rng(3).integers(0, 256, (PICTURES, height, width, 3), dtype=np.uint8)
    planes = torch.from_numpy(pixels.astype(np.float32) * normalisation.scale + normalisation.shift).permute(0, 3, 1, 2).float()
    own = _own(lambda: encoder.model.get_image_features(pixel_values=planes))
    tower = onnx_runtime.open_tower(path, input_name="pixels", output_name="image_embeds", threads=threads)
    return _least_cosine(tower.run(pixels), own)


def _texts(folder: Path, encoder: DualEncoder, text: TextSide, threads: int) -> float:
    inputs = text.own_inputs(TEXTS, encoder.text_tokens)
    ids = TextTokenizer(folder / TOKENIZER, encoder.text_tokens, text.pad_id).ids(TEXTS)
    for one, ours, theirs in zip(TEXTS, ids, inputs["input_ids"].numpy(), strict=True):
        if not np.array_equal(ours, theirs):
            raise EncoderError(
                f"{TOKENIZER}: {one[:60]!r} becomes {_some(ours)} and with the model's own tokenizer {_some(theirs)}: not kept"
            )
    own = _own(lambda: encoder.model.get_text_features(**inputs))
    tower = onnx_runtime.open_tower(folder / TEXT, input_name="input_ids", output_name="text_embeds", threads=threads)
    return _least_cosine(tower.run(ids), own)


def _own(features: Callable[[], Any]) -> Vectors:
    with torch.no_grad():
        vectors = features().pooler_output
    return np.asarray(vectors / vectors.norm(dim=-1, keepdim=True), np.float32)


def _least_cosine(ours: Vectors, theirs: Vectors) -> float:
    return float((ours * theirs).sum(axis=1).min())


def _some(ids: npt.NDArray[Any]) -> str:
    return f"{ids[:12].tolist()} …"

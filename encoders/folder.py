"""A model folder: what it must hold, read and checked before anything is loaded into a runtime."""

import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from encoders.errors import EncoderError
from schemas.space import space_name

CARD: Final = "encoder.json"
IMAGE: Final = "image.onnx"
IMAGE_WEIGHTS: Final = ("image.onnx.data", "image.onnx_data")
"""Where the weights of an image tower of 2 GB and more are; a change of them is a change of the space."""
TEXT: Final = "text.onnx"
TOKENIZER: Final = "tokenizer.json"
BACKGROUND: Final = "background.npz"

Side = Annotated[int, msgspec.Meta(ge=8, le=2048)]
Dimension = Annotated[int, msgspec.Meta(ge=1, le=32_768)]
Vectors = npt.NDArray[np.float32]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Scores from which on something counts as found: of a text the cosine less the row's mean over the background texts."""

    text: float
    image: float


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """`encoder.json`. `image_size` is [width, height]; `prompts` are sentences with one `{}` where the text goes.

    `notice` is shown with every search; `found` is None where no threshold was fitted.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,79}$")]
    dimension: Dimension
    image_size: tuple[Side, Side]
    resize: Literal["squash", "pad"]
    text_tokens: Annotated[int, msgspec.Meta(ge=1, le=4096)] | None = None
    pad_id: Annotated[int, msgspec.Meta(ge=0)] | None = None
    prompts: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("{}",)
    licence: str
    notice: str | None = None
    found: Found | None = None


@dataclass(frozen=True)
class Background:
    """Unit vectors of fixed pictures [m, d] and texts [k, d]; a score means something only beside what these score."""

    images: Vectors
    texts: Vectors


@dataclass(frozen=True)
class ModelFolder:
    """A checked model folder. `space` names its vectors; the card has `text_tokens` and `pad_id` where there is a text tower."""

    path: Path
    card: Card
    space: str
    has_text: bool

    @property
    def image_onnx(self) -> Path:
        """Path of the image tower."""
        return self.path / IMAGE

    @property
    def text_onnx(self) -> Path:
        """Path of the text tower; `has_text` says whether it is there."""
        return self.path / TEXT

    @property
    def tokenizer(self) -> Path:
        """Path of the tokenizer of the text tower."""
        return self.path / TOKENIZER

    def read_background(self) -> Background:
        """Return the fixed backgrounds; both are empty where the folder has none."""
        path = self.path / BACKGROUND
        if not path.exists():
            empty = np.empty((0, self.card.dimension), np.float32)
            return Background(images=empty, texts=empty)
        return Background(images=_vectors(path, "images", self.card), texts=_vectors(path, "texts", self.card))


def read_folder(path: Path) -> ModelFolder:
    """Read and check a model folder, or raise `EncoderError` that names the file and what is wrong with it."""
    if not path.is_dir():
        raise EncoderError(f"{path}: no such model folder")
    card = _card(path / CARD)
    with ExitStack() as files:
        parts = [_require(path / IMAGE), *(path / name for name in IMAGE_WEIGHTS if (path / name).is_file())]
        space = space_name(card.name, *(files.enter_context(part.open("rb")) for part in parts))
    has_text = (path / TEXT).exists()
    if has_text:
        _check_text(path, card)
    return ModelFolder(path=path, card=card, space=space, has_text=has_text)


def _require(path: Path) -> Path:
    if not path.is_file():
        raise EncoderError(f"{path}: missing; a model folder holds {CARD}, {IMAGE} and, for text, {TEXT} with {TOKENIZER}")
    if path.stat().st_size == 0:
        raise EncoderError(f"{path}: empty file")
    return path


def _card(path: Path) -> Card:
    try:
        card = msgspec.json.decode(_require(path).read_bytes(), type=Card)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EncoderError(f"{path}: not an encoder card: {error}") from None
    for prompt in card.prompts:
        if prompt.count("{}") != 1:
            raise EncoderError(f"{path}: prompt {prompt!r}: expected one {{}} where the text goes")
    return card


def _check_text(path: Path, card: Card) -> None:
    _require(path / TEXT)
    _require(path / TOKENIZER)
    if card.text_tokens is None or card.pad_id is None:
        raise EncoderError(f"{path / CARD}: text_tokens and pad_id are needed beside {TEXT}")


def _vectors(path: Path, name: str, card: Card) -> Vectors:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            vectors = np.asarray(arrays[name], np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise EncoderError(f"{path}: array {name!r} cannot be read: {error}") from None
    if vectors.ndim != 2 or vectors.shape[1] != card.dimension:
        raise EncoderError(f"{path}: array {name!r} has shape {vectors.shape}: expected [n, {card.dimension}] as {CARD} says")
    if not np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-2):
        raise EncoderError(f"{path}: array {name!r} holds vectors that are not of unit length")
    return vectors

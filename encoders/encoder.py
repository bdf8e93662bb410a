"""The promise: pictures and texts in, unit vectors of one embedding space out."""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from encoders.backends import Description
from encoders.errors import EncoderError, NoTextTower
from encoders.folder import Background, Found, ModelFolder, Vectors
from encoders.picture_size import Format
from encoders.pictures import FRAME_FORMATS, Pixels, decode, fit
from encoders.tokenizer import TextTokenizer

PROBE_TEXTS: Final = ("a", "a red car")


class Tower(Protocol):
    """One half of a model, as a backend runs it."""

    def run(self, inputs: npt.NDArray[Any]) -> Vectors:
        """Return one vector for each row of `inputs`, shape [n, dimension]."""


class OpenTower(Protocol):
    """How one tower of a model folder is opened."""

    def __call__(self, path: Path, *, input_name: str, output_name: str) -> Tower:
        """Return the tower at `path`, or raise `EncoderError`."""


class Runtime(Protocol):
    """What the module of a backend holds."""

    def describe(self, threads: int) -> Description:
        """Return what runs a tower here."""

    def device_memory_bytes(self) -> int | None:
        """Return the most memory of a GPU that its towers have held, None where they lie in the memory of the process."""

    def open_tower(self, path: Path, *, input_name: str, output_name: str, threads: int) -> Tower:
        """Return the tower at `path`, or raise `EncoderError`. `threads` is what one run may use of a CPU."""


class Encoder:
    """A dual encoder. A tower is loaded, tried and warm after its first use: call `warm` where the first use must not wait.

    `embed_images` and `embed_texts` may be called from several threads once warm; `prepare` from any at any time.
    """

    def __init__(self, folder: ModelFolder, open_tower: OpenTower, runtime: Description) -> None:
        """Take a checked folder and the backend that runs it, with its description."""
        self._folder = folder
        self._open_tower = open_tower
        self.backend: Final = str(runtime)
        self.precision: Final = runtime.precision
        self.space: Final = folder.space
        self.name: Final = folder.card.name
        self.dimension: Final = folder.card.dimension
        self.image_size: Final = folder.card.image_size
        self.has_text: Final = folder.has_text
        self.notice: Final[str | None] = folder.card.notice
        self.found: Final[Found | None] = folder.card.found

    @cached_property
    def background(self) -> Background:
        """Vectors of the fixed background pictures and texts that the folder ships."""
        return self._folder.read_background()

    def warm(self, *, texts: bool) -> None:
        """Load and try the image tower, and with `texts` the text tower where there is one; raises `EncoderError`."""
        self.embed_images(np.empty((0, *self._input_shape), np.uint8))
        if texts and self.has_text:
            self.embed_texts([])

    def prepare(self, picture: bytes, *, accept: Collection[Format] = FRAME_FORMATS) -> Pixels:
        """Return a picture as the image tower takes it: uint8 RGB [height, width, 3].

        Raises `InvalidMessage` for what is no picture of an accepted format, broken, or too large.
        """
        return self.fit(decode(picture, *self.image_size, accept=accept))

    def fit(self, pixels: Pixels) -> Pixels:
        """Return decoded pixels (RGB, any size) as the image tower takes them."""
        return fit(pixels, *self.image_size, self._folder.card.resize)

    def embed_images(self, pixels: npt.NDArray[np.uint8]) -> Vectors:
        """Return the unit vectors [n, dimension] of prepared pictures [n, height, width, 3].

        A row that is not finite is of a picture that the tower gives no vector for. Raises `EncoderError` where it gives none for
        any picture any more, as on a GPU that has failed.
        """
        if pixels.dtype != np.uint8 or pixels.shape[1:] != self._input_shape:
            raise ValueError(
                f"pixels are {pixels.dtype} {pixels.shape}: expected uint8 [n, {', '.join(map(str, self._input_shape))}]"
            )
        tower = self._image_tower
        vectors = tower.run(pixels) if len(pixels) else self._no_vectors()
        if not np.isfinite(vectors).all():
            self._probe(tower)
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the unit vectors [n, dimension] of `texts`, each the mean over the card's prompts, renormalised.

        Raises `NoTextTower` where the model answers pictures only.
        """
        if not self.has_text:
            raise NoTextTower(f"{self.name} has no text tower: search with a picture, or use an encoder with text.onnx")
        tower, tokenizer = self._text_tower, self._tokenizer
        if not texts:
            return self._no_vectors()
        prompts = self._folder.card.prompts
        sentences = [prompt.replace("{}", text) for text in texts for prompt in prompts]
        vectors = tower.run(tokenizer.ids(sentences))
        return normalise(vectors.reshape(len(texts), len(prompts), self.dimension).mean(axis=1))

    @property
    def _input_shape(self) -> tuple[int, int, int]:
        width, height = self.image_size
        return (height, width, 3)

    def _no_vectors(self) -> Vectors:
        return np.empty((0, self.dimension), np.float32)

    @cached_property
    def _image_tower(self) -> Tower:
        tower = self._open_tower(self._folder.image_onnx, input_name="pixels", output_name="image_embeds")
        self._probe(tower)
        return tower

    def _probe(self, tower: Tower) -> None:
        probe = np.random.default_rng(0).integers(0, 256, (2, *self._input_shape), dtype=np.uint8)
        self._check_vectors(self._folder.image_onnx, tower.run(probe))

    @cached_property
    def _text_tower(self) -> Tower:
        path = self._folder.text_onnx
        tower = self._open_tower(path, input_name="input_ids", output_name="text_embeds")
        self._check_vectors(path, tower.run(self._tokenizer.ids(PROBE_TEXTS)))
        return tower

    @cached_property
    def _tokenizer(self) -> TextTokenizer:
        card = self._folder.card
        return TextTokenizer(self._folder.tokenizer, card.text_tokens or 1, card.pad_id or 0)

    def _check_vectors(self, path: Path, vectors: Vectors) -> None:
        if vectors.shape != (2, self.dimension):
            raise EncoderError(f"{path}: 2 inputs give vectors of shape {vectors.shape}: encoder.json says [2, {self.dimension}]")
        if not np.isfinite(vectors).all():
            raise EncoderError(
                f"{path}: gives vectors with NaN or infinite numbers: the weights are broken, or leave their range"
            )
        norms = np.linalg.norm(vectors, axis=1)
        if not np.allclose(norms, 1.0, atol=1e-2):
            raise EncoderError(f"{path}: gives vectors of length {norms[0]:.4f}: the graph must end in unit vectors")


def normalise(vectors: Vectors) -> Vectors:
    """Return `vectors` [n, d] at unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

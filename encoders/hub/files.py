"""Which files of a repository an export reads, and that they are what they should be. No other file is fetched or opened."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from encoders.errors import EncoderError
from encoders.hub.weights import check_weights, pickled, shards

CONFIG: Final = "config.json"
OPEN_CLIP: Final = "open_clip_config.json"
PREPROCESSOR: Final = "preprocessor_config.json"
PROCESSOR: Final = "processor_config.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
SENTENCEPIECE: Final = "spiece.model"
README: Final = "README.md"
LICENCES: Final = ("LICENSE", "LICENSE.txt", "LICENSE.md")
INDEX: Final = "model.safetensors.index.json"
SMALL: Final = (
    CONFIG, OPEN_CLIP, PREPROCESSOR, PROCESSOR, INDEX, "open_clip_model.safetensors.index.json",
    "tokenizer.json", TOKENIZER_CONFIG, "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", SENTENCEPIECE,
    README, *LICENCES,
)  # fmt: skip
"""All that is read beside the weights. No Python file is among them."""

Layout = Literal["transformers", "open_clip"]


@dataclass(frozen=True)
class Checkpoint:
    """A repository's files on this machine. `name` is org/name, `origin` says where they are from."""

    folder: Path
    name: str
    origin: str
    layout: Layout
    config: Mapping[str, Any]
    weights: tuple[Path, ...]

    def path(self, name: str) -> Path:
        """Return the path of a file of the repository, which need not be there."""
        return self.folder / name


def layout_of(folder: Path) -> tuple[Layout, dict[str, Any]]:
    """Return how the repository in `folder` is laid out, and its config; raises `EncoderError` where it is no model."""
    config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
    if "model_type" in config:
        return "transformers", config
    if (folder / OPEN_CLIP).exists():
        return "open_clip", read_json(folder / OPEN_CLIP)
    if config:
        raise EncoderError(f"{folder / CONFIG}: no model_type, and no {OPEN_CLIP} beside it: in no layout that can be read")
    raise EncoderError(f"{folder / CONFIG}: missing: a published model has {CONFIG} with its model_type, or {OPEN_CLIP}")


def weight_names(folder: Path, layout: Layout, names: Collection[str]) -> tuple[str, ...]:
    """Return which of a repository's files `names` hold its weights; raises `EncoderError` where none are safetensors."""
    stems = ("model",) if layout == "transformers" else ("open_clip_model", "open_clip_pytorch_model")
    for stem in stems:
        if f"{stem}.safetensors" in names:
            return (f"{stem}.safetensors",)
        if f"{stem}.safetensors.index.json" in names:
            return shards(folder / f"{stem}.safetensors.index.json")
    wanted = f"{folder / stems[0]}.safetensors"
    if unsafe := pickled(names):
        raise EncoderError(
            f"{wanted}: missing: the weights are there as {', '.join(unsafe)} alone, which can run code when they are read; name "
            "a revision that has safetensors (the hub's own conversions are pull requests: hf:org/name@refs/pr/N)"
        )
    raise EncoderError(f"{wanted}: missing: the repository holds no weights")


def check_files(folder: Path, root: Path, weights: Collection[str]) -> tuple[Path, ...]:
    """Return the paths of the weights after a look at every file that an export reads; links may point into `root` alone."""
    for name in (*SMALL, *weights):
        path = folder / name
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise EncoderError(f"{path}: a link that points outside {root}: not followed")
    paths = tuple(folder / name for name in weights)
    for path in paths:
        if not path.is_file():
            raise EncoderError(f"{path}: missing; fetch the repository again")
        check_weights(path)
    return paths


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raises `EncoderError` that names the file."""
    if not path.is_file():
        raise EncoderError(f"{path}: missing")
    content = path.read_bytes()
    try:
        value = json.loads(content)
    except ValueError as error:
        raise EncoderError(f"{path}: not JSON ({len(content):,} bytes): {error}; fetch the file again") from None
    if not isinstance(value, dict):
        raise EncoderError(f"{path}: expected an object, not {type(value).__name__}")
    return value

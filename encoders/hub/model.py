"""A checkpoint's weights in transformers' own model: the reference that an export is compared with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel
from transformers.utils import logging

from encoders.errors import EncoderError
from encoders.hub.families import CLIP, SIGLIP, Family, family_of
from encoders.hub.files import CONFIG, OPEN_CLIP, Checkpoint
from encoders.hub.open_clip import clip_config, clip_weights

CLASSES: Final[dict[str, tuple[Any, Any]]] = {CLIP.name: (CLIPConfig, CLIPModel), SIGLIP.name: (SiglipConfig, SiglipModel)}
FAILURES: Final = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, StrictDataclassError, SafetensorError)
"""What a config of wrong values or weights of wrong shapes make the libraries raise."""


@dataclass(frozen=True)
class DualEncoder:
    """A model in torch, float32. `image_size` is (width, height), `text_tokens` the length of every text."""

    family: Family
    model: Any
    image_size: tuple[int, int]
    text_tokens: int

    @property
    def config(self) -> Any:
        """The config in transformers' words."""
        return self.model.config


def load_model(checkpoint: Checkpoint, stage: Path) -> DualEncoder:
    """Load the weights of a checkpoint, whose files `stage` shows; raises `EncoderError` where they are not this model's."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    published = checkpoint.layout == "transformers"
    path = checkpoint.path(CONFIG if published else OPEN_CLIP)
    words = checkpoint.config if published else clip_config(checkpoint.config, path)
    family = family_of(words, path)
    config = _config(family, words, path)
    loaded = _from_transformers(family, config, checkpoint, stage) if published else _from_open_clip(config, checkpoint)
    side = config.vision_config.image_size
    width, height = (side, side) if isinstance(side, int) else (side[1], side[0])
    return DualEncoder(family, loaded.eval(), (width, height), config.text_config.max_position_embeddings)


def _config(family: Family, words: Mapping[str, Any], path: Path) -> Any:
    words = {name: value for name, value in words.items() if name != "auto_map"}
    with _failures(path, "not the config of such a model"):
        return CLASSES[family.name][0].from_dict(words)


def _from_transformers(family: Family, config: Any, checkpoint: Checkpoint, stage: Path) -> Any:
    where = checkpoint.weights[0]
    with _failures(where, "cannot be loaded"):
        model, found = CLASSES[family.name][1].from_pretrained(
            stage, config=config, dtype=torch.float32, attn_implementation="sdpa", use_safetensors=True, local_files_only=True,
            output_loading_info=True,
        )  # fmt: skip
    _check_names(where, found["missing_keys"])
    return model


def _from_open_clip(config: Any, checkpoint: Checkpoint) -> Any:
    where = checkpoint.weights[0]
    config._attn_implementation = "sdpa"  # noqa: SLF001  what from_pretrained sets through its argument
    with _failures(where, "cannot be loaded"):
        model = CLIPModel(config)
        weights: dict[str, Any] = {}
        for path in checkpoint.weights:
            weights |= load_file(path)
        missing, _ = model.load_state_dict(clip_weights(weights, where), strict=False)
    _check_names(where, [name for name in missing if not name.endswith("position_ids")])
    return model.float()


def _check_names(path: Path, missing: Any) -> None:
    if names := sorted(missing):
        raise EncoderError(f"{path}: lacks {len(names)} tensors of the model that its config describes, among them {names[0]}")


@contextmanager
def _failures(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except EncoderError:
        raise
    except FAILURES as error:
        raise EncoderError(f"{path}: {what}: {' '.join(str(error).split())[:300]}") from None

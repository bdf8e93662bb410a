"""What a model's own image processor does to a picture that already has the model's size: arithmetic on each channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from encoders.errors import EncoderError
from encoders.hub.files import PREPROCESSOR, PROCESSOR, Checkpoint, read_json

CHANNELS: Final = 3
OPENAI_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD: Final = (0.26862954, 0.26130258, 0.27577711)
"""What open_clip takes where its config names nothing else."""


@dataclass(frozen=True)
class Normalisation:
    """A value v of 0 to 255 in channel c becomes `v * scale[c] + shift[c]`."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]
    resize: Literal["squash", "pad"] = "squash"


def normalisation_of(checkpoint: Checkpoint, image_size: tuple[int, int]) -> Normalisation:
    """Return the arithmetic of the repository's image processor; raises `EncoderError` where it is of another model."""
    if checkpoint.layout == "open_clip":
        return _of_open_clip(checkpoint.config.get("preprocess_cfg") or {})
    path, processor = _processor(checkpoint)
    _check_size(path, processor, image_size)
    factor = float(processor.get("rescale_factor", 1 / 255)) if processor.get("do_rescale", True) else 1.0
    if not processor.get("do_normalize", True):
        return Normalisation((factor,) * CHANNELS, (0.0,) * CHANNELS)
    mean, std = (_channels(path, processor, name) for name in ("image_mean", "image_std"))
    return _normalisation(factor, mean, std)


def _normalisation(factor: float, mean: tuple[float, ...], std: tuple[float, ...]) -> Normalisation:
    shift = tuple(-middle / spread for middle, spread in zip(mean, std, strict=True))
    return Normalisation(tuple(factor / spread for spread in std), shift)


def _processor(checkpoint: Checkpoint) -> tuple[Path, dict[str, Any]]:
    """Return the image processor's settings: a file of their own, or since transformers 5 a part of the processor's."""
    path, joint = checkpoint.path(PREPROCESSOR), checkpoint.path(PROCESSOR)
    if not path.exists() and joint.exists():
        part = read_json(joint).get("image_processor")
        if isinstance(part, dict):
            return joint, part
    return path, read_json(path)


def _of_open_clip(settings: Mapping[str, Any]) -> Normalisation:
    mean, std = tuple(settings.get("mean") or OPENAI_MEAN), tuple(settings.get("std") or OPENAI_STD)
    made = _normalisation(1 / 255, mean, std)
    return Normalisation(made.scale, made.shift, "pad" if settings.get("resize_mode") == "longest" else "squash")


def _channels(path: Path, processor: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = processor.get(name)
    if not isinstance(values, list) or len(values) != CHANNELS or not all(isinstance(value, int | float) for value in values):
        raise EncoderError(f"{path}: {name} is {values!r}: expected {CHANNELS} numbers")
    if name == "image_std" and not all(value > 0 for value in values):
        raise EncoderError(f"{path}: image_std is {values}: expected numbers above 0")
    return tuple(float(value) for value in values)


def _check_size(path: Path, processor: Mapping[str, Any], image_size: tuple[int, int]) -> None:
    name = "crop_size" if processor.get("do_center_crop") else "size"
    size = processor.get(name)
    sides = set(size.values()) if isinstance(size, dict) else {size}
    if sides - {None} - set(image_size):
        raise EncoderError(f"{path}: {name} is {size}, the model takes {image_size[0]}x{image_size[1]}: of another model?")

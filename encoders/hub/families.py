"""The models that can be exported, and what tells them apart. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from encoders.errors import EncoderError


@dataclass(frozen=True)
class Family:
    """Dual encoders that transformers builds with one class, and the sentences that they are asked with."""

    name: str
    prompts: tuple[str, ...]


CLIP: Final = Family("CLIP", ("{}", "a photo of {}"))
SIGLIP: Final = Family("SigLIP", ("{}", "This is a photo of {}."))
BY_MODEL_TYPE: Final = {"clip": CLIP, "siglip": SIGLIP}
"""SigLIP 2 of a fixed resolution is published as `siglip`; `siglip2` is the variant of native aspect ratios alone."""
KNOWN: Final = "CLIP and OpenCLIP (model_type clip, or open_clip_config.json), SigLIP and SigLIP 2 (model_type siglip)"


def family_of(config: Mapping[str, Any], path: Path) -> Family:
    """Return the family that `config`, read from `path`, names by its `model_type`; raises `EncoderError` for no known one."""
    model_type = config.get("model_type")
    if model_type == "siglip2":
        raise EncoderError(
            f"{path}: a SigLIP 2 of native aspect ratios (NaFlex), which takes pictures of many sizes: use one of a fixed size, "
            "such as google/siglip2-base-patch16-224"
        )
    if model_type not in BY_MODEL_TYPE:
        raise EncoderError(f"{path}: model_type {model_type!r}; can be exported: {KNOWN}")
    if "quantization_config" in config:
        raise EncoderError(f"{path}: quantised weights: export the model that they were made from")
    return BY_MODEL_TYPE[model_type]

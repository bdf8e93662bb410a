"""OpenCLIP's own layout, said in transformers' words: the same plain ViT and text transformer under other names. Pure."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from encoders.errors import EncoderError

HEAD_WIDTH: Final = 64
POOLED_AT_THE_HIGHEST_ID: Final = 2
"""How CLIP's config in transformers says what open_clip does: the end of the text is the token of the highest id."""
COMMON: Final = {"embed_dim", "quick_gelu", "vision_cfg", "text_cfg", "init_logit_scale", "custom_text"}
VISION: Final = {"image_size", "layers", "width", "patch_size", "head_width", "mlp_ratio", "patch_dropout"}
TEXT: Final = {"context_length", "vocab_size", "width", "heads", "layers", "mlp_ratio"}
_BLOCK: Final = re.compile(r"(.*)transformer\.resblocks\.(\d+)\.(.*)")
_IN_BLOCK: Final = {
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
}  # fmt: skip
_AT_TOP: Final = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "logit_scale": "logit_scale",
}
_TRANSPOSED: Final = {"visual.proj": "visual_projection.weight", "text_projection": "text_projection.weight"}


def clip_config(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return CLIP's config in transformers for `config`, read from `path`; raises `EncoderError` for any other architecture."""
    model = config.get("model_cfg")
    if not isinstance(model, dict) or not all(isinstance(model.get(part), dict) for part in ("vision_cfg", "text_cfg")):
        raise EncoderError(f"{path}: no model_cfg with vision_cfg and text_cfg")
    vision, text = model["vision_cfg"], model["text_cfg"]
    for part, given, known in (("model_cfg", model, COMMON), ("vision_cfg", vision, VISION), ("text_cfg", text, TEXT)):
        if unknown := sorted(name for name in given if name not in known and given[name] not in (None, False)):
            raise EncoderError(
                f"{path}: {part} has {', '.join(unknown)}: of OpenCLIP, only the plain ViT with the plain text transformer can "
                "be exported; many other models are also published in the layout of transformers"
            )
    try:
        return _clip_config(model, vision, text)
    except (KeyError, TypeError, ValueError) as error:
        raise EncoderError(f"{path}: not the config of a ViT and a text transformer: {error!r}") from None


def clip_weights(weights: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return open_clip's tensors under the names of transformers' CLIP; raises `EncoderError` for a name that has no place."""
    renamed = {}
    for name, tensor in weights.items():
        name = name.removeprefix("text.")  # noqa: PLW2901  custom_text puts the text tower one level down
        if name in _AT_TOP:
            renamed[_AT_TOP[name]] = tensor.reshape(-1) if name == "visual.class_embedding" else tensor
        elif name in _TRANSPOSED:
            renamed[_TRANSPOSED[name]] = tensor.T.contiguous()
        elif block := _BLOCK.fullmatch(name):
            renamed |= _in_block(block, tensor, path)
        elif name not in ("attn_mask", "logit_bias"):
            raise EncoderError(f"{path}: tensor {name!r} is of no ViT and no text transformer of OpenCLIP")
    return renamed


def _clip_config(model: Mapping[str, Any], vision: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, Any]:
    activation = "quick_gelu" if model.get("quick_gelu") else "gelu"
    both = {"hidden_act": activation, "projection_dim": model["embed_dim"]}
    return {
        "model_type": "clip",
        "projection_dim": model["embed_dim"],
        "vision_config": {
            "hidden_size": vision["width"],
            "intermediate_size": int(vision["width"] * vision.get("mlp_ratio", 4.0)),
            "num_hidden_layers": vision["layers"],
            "num_attention_heads": vision["width"] // vision.get("head_width", HEAD_WIDTH),
            "image_size": vision["image_size"],
            "patch_size": vision["patch_size"],
            **both,
        },
        "text_config": {
            "hidden_size": text["width"],
            "intermediate_size": int(text["width"] * text.get("mlp_ratio", 4.0)),
            "num_hidden_layers": text["layers"],
            "num_attention_heads": text["heads"],
            "max_position_embeddings": text.get("context_length", 77),
            "vocab_size": text.get("vocab_size", 49_408),
            "eos_token_id": POOLED_AT_THE_HIGHEST_ID,
            **both,
        },
    }


def _in_block(block: re.Match[str], tensor: Any, path: Path) -> dict[str, Any]:
    tower = "vision_model" if block[1] == "visual." else "text_model"
    stem, within = f"{tower}.encoder.layers.{block[2]}", block[3]
    if within in ("attn.in_proj_weight", "attn.in_proj_bias"):
        kind = within.removeprefix("attn.in_proj_")
        return {f"{stem}.self_attn.{one}_proj.{kind}": part for one, part in zip("qkv", tensor.chunk(3), strict=True)}
    layer, _, kind = within.rpartition(".")
    if layer not in _IN_BLOCK:
        raise EncoderError(f"{path}: tensor {block[0]!r} is of no ViT and no text transformer of OpenCLIP")
    return {f"{stem}.{_IN_BLOCK[layer]}.{kind}": tensor}

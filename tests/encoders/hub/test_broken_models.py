"""A published model that lacks a part, is broken, foreign or dangerous is refused with the file at fault; its code never runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPModel

from encoders.errors import EncoderError
from encoders.hub.families import SIGLIP
from encoders.hub.local import read_local
from encoders.hub.model import DualEncoder, load_model
from encoders.hub.pixels import normalisation_of
from encoders.hub.staging import staged
from encoders.hub.tokens import TextSide, text_side
from encoders.hub.towers import TextTower
from tests.encoders.hub import tiny

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("published")
    return {
        "clip": tiny.make_clip(place / "clip"),
        "open_clip": tiny.make_open_clip(place / "open_clip"),
        "siglip": tiny.make_siglip(place / "siglip"),
    }


def read(folder: Path) -> tuple[DualEncoder, TextSide]:
    """Do all of an export that comes before its graphs are written."""
    checkpoint = read_local(folder)
    with staged(checkpoint) as stage:
        encoder = load_model(checkpoint, stage)
        text = text_side(checkpoint, stage, encoder)
        normalisation_of(checkpoint, encoder.image_size)
    return encoder, text


def edit(folder: Path, name: str, **changes: Any) -> None:
    value = json.loads((folder / name).read_text()) | changes
    (folder / name).write_text(json.dumps({key: one for key, one in value.items() if one is not None}))


def edit_part(folder: Path, name: str, part: str, **changes: Any) -> None:
    edit(folder, name, **{part: json.loads((folder / name).read_text())[part] | changes})


def cut(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])


def pickle_alone(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"never read")


def shard(folder: Path, *names: str) -> None:
    (folder / WEIGHTS).unlink()
    tiny.write_json(folder / "model.safetensors.index.json", {"weight_map": {str(i): name for i, name in enumerate(names)}})


def drop_tensor(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["visual_projection.weight"]
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def foreign_tensor(folder: Path) -> None:
    path = folder / "open_clip_model.safetensors"
    save_file({**load_file(path), "visual.trunk.blocks.0.weight": torch.zeros(2)}, path)


def link_outside(folder: Path) -> None:
    shutil.move(folder / WEIGHTS, folder.parent / "elsewhere")
    (folder / WEIGHTS).symlink_to(folder.parent / "elsewhere")


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "config.json: missing"),
    "truncated config": (lambda f: cut(f, "config.json"), "config.json: not JSON"),
    "config that is a list": (lambda f: (f / "config.json").write_text("[1]"), "config.json: expected an object"),
    "another model": (lambda f: edit(f, "config.json", model_type="bert"), "config.json: model_type 'bert'; can be exported"),
    "native aspect ratios": (lambda f: edit(f, "config.json", model_type="siglip2"), "config.json: .*NaFlex"),
    "timm's config": (lambda f: (f / "config.json").write_text('{"architecture": "vit"}'), "config.json: no model_type"),
    "quantised": (lambda f: edit(f, "config.json", quantization_config={}), "config.json: quantised"),
    "wrong type": (lambda f: edit_part(f, "config.json", "text_config", hidden_size="x"), "config.json: not the config of"),
    "odd heads": (lambda f: edit_part(f, "config.json", "text_config", num_attention_heads=5), "config.json: not the config of"),
    "other width": (lambda f: edit_part(f, "config.json", "vision_config", hidden_size=64), "safetensors: cannot be loaded"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), "model.safetensors: missing: the repository holds no weights"),
    "pickled weights": (pickle_alone, "there as pytorch_model.bin alone, which can run code"),
    "truncated weights": (lambda f: cut(f, WEIGHTS), "model.safetensors: truncated"),
    "empty weights": (lambda f: (f / WEIGHTS).write_bytes(b""), "model.safetensors: not a safetensors file"),
    "picture for weights": (lambda f: (f / WEIGHTS).write_bytes(b"\xff\xd8\xff" * 99), "safetensors: not a safetensors file"),
    "pointer for weights": (lambda f: (f / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "lacking a tensor": (drop_tensor, "model.safetensors: lacks 1 tensors .* visual_projection.weight"),
    "absent shard": (lambda f: shard(f, "model-00001-of-00001.safetensors"), "model-00001-of-00001.safetensors: missing"),
    "shard elsewhere": (lambda f: shard(f, "../../secret.safetensors"), "index.json: lists '../../secret.safetensors'"),
    "pickled shard": (lambda f: shard(f, "model.bin"), "index.json: lists 'model.bin'"),
    "link outside": (link_outside, "a link that points outside"),
    "no image processor": (lambda f: (f / "preprocessor_config.json").unlink(), "preprocessor_config.json: missing"),
    "zero spread": (lambda f: edit(f, "preprocessor_config.json", image_std=[0, 1, 1]), "preprocessor_config.json: image_std"),
    "two channels": (lambda f: edit(f, "preprocessor_config.json", image_mean=[0, 1]), "preprocessor_config.json: image_mean"),
    "other size": (lambda f: edit(f, "preprocessor_config.json", crop_size=224), "crop_size is 224, the model takes 32x32"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json: missing"),
    "truncated tokenizer": (lambda f: cut(f, "tokenizer.json"), "tokenizer.json: not JSON"),
    "foreign tokenizer": (lambda f: (f / "tokenizer.json").write_text('{"a": 1}'), "tokenizer.json: not a tokenizer"),
    "tokenizer of code": (lambda f: edit(f, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", None]}), "never run"),
    "small vocabulary": (lambda f: edit(f, "config.json", text_config={**tiny.SIZE, "vocab_size": 50}), "cannot be loaded"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_model_says_what_is_wrong_and_where(published: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(published["clip"], tmp_path / "model")
    act, message = BREAKS[name]
    act(folder)
    with pytest.raises(EncoderError, match=message):
        read(folder)


def test_of_open_clip_only_the_plain_towers_are_taken(published: dict[str, Path], tmp_path: Path) -> None:
    for number, (act, message) in enumerate((
        (foreign_tensor, "open_clip_model.safetensors: tensor 'visual.trunk.blocks.0.weight'"),
        (lambda f: edit(f, "open_clip_config.json", model_cfg={"embed_dim": 8}), "open_clip_config.json: no model_cfg with"),
        (lambda f: edit(f, "open_clip_config.json", model_cfg={
            "embed_dim": 8, "vision_cfg": {"timm_model_name": "x"}, "text_cfg": {},
        }), "open_clip_config.json: vision_cfg has timm_model_name"),
    )):  # fmt: skip
        folder = shutil.copytree(published["open_clip"], tmp_path / str(number))
        act(folder)
        with pytest.raises(EncoderError, match=message):
            read(folder)


def test_code_in_a_repository_is_never_run(published: dict[str, Path], tmp_path: Path) -> None:
    folder, ran = shutil.copytree(published["clip"], tmp_path / "model"), tmp_path / "ran"
    (folder / "modeling_evil.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\nclass Evil: ...\n")
    edit(folder, "config.json", auto_map={"AutoModel": "modeling_evil.Evil", "AutoConfig": "modeling_evil.Evil"})
    encoder, _ = read(folder)
    assert type(encoder.model) is CLIPModel
    assert not ran.exists()


def test_weights_in_several_files_are_one_model(published: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(published["clip"], tmp_path / "model")
    model = CLIPModel.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    model.save_pretrained(folder, max_shard_size="60KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    loaded = read(folder)[0].model.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pad", ["</s>", "<pad>"])
def test_padding_is_masked_where_the_model_s_own_tokenizer_masks_it(
    published: dict[str, Path], tmp_path: Path, side: str, pad: str
) -> None:
    folder = shutil.copytree(published["siglip"], tmp_path / "model")
    edit(folder, "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"], padding_side=side, pad_token=pad)
    encoder, text = read(folder)
    assert encoder.family is SIGLIP
    inputs = text.own_inputs(["a red car", "", "fire " * 40], encoder.text_tokens)
    assert torch.equal(TextTower(encoder, text)._mask(inputs["input_ids"]), inputs["attention_mask"])

"""A broken model folder is refused with the file at fault and what is wrong with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from encoders.address import load
from encoders.errors import EncoderError
from tests.tiny_model import make_tiny_model


def edit_card(folder: Path, **changes: Any) -> None:
    path = folder / "encoder.json"
    card = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in card.items() if value is not None}))


def cut(folder: Path, name: str, part: float = 0.5) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * part)])


def use(folder: Path) -> None:
    encoder = load(str(folder), threads=1)
    encoder.warm(texts=True)
    assert encoder.background.images.shape[1] == encoder.dimension


def rename_output(folder: Path) -> None:
    model = onnx.load(folder / "image.onnx")
    model.graph.output[0].name = model.graph.node[-1].output[0] = "embeds"
    onnx.save(model, folder / "image.onnx")


def drop_normalisation(folder: Path) -> None:
    model = onnx.load(folder / "image.onnx")
    del model.graph.node[-1]
    model.graph.node[-1].output[0] = "image_embeds"
    onnx.save(model, folder / "image.onnx")


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no card": (lambda f: (f / "encoder.json").unlink(), "encoder.json: missing"),
    "empty card": (lambda f: (f / "encoder.json").write_text(""), "encoder.json: empty"),
    "foreign card": (lambda f: (f / "encoder.json").write_text('{"model": "Siglip"}'), "encoder.json: not an encoder card"),
    "card that is no JSON": (lambda f: (f / "encoder.json").write_text("{name: x"), "encoder.json: not an encoder card"),
    "card that is no text": (lambda f: (f / "encoder.json").write_bytes(b"\xff\xfe\x00"), "encoder.json: not an encoder card"),
    "name with spaces": (lambda f: edit_card(f, name="my model"), r"encoder.json.*\$\.name"),
    "unknown resize": (lambda f: edit_card(f, resize="crop"), r"encoder.json.*\$\.resize"),
    "prompt without place": (lambda f: edit_card(f, prompts=["a photo"]), "prompt 'a photo'"),
    "no tokens": (lambda f: edit_card(f, text_tokens=None), "text_tokens and pad_id are needed"),
    "wrong dimension": (lambda f: edit_card(f, dimension=48), r"image.onnx.*\(2, 32\).*\[2, 48\]"),
    "wrong size": (lambda f: edit_card(f, image_size=[64, 64]), "image.onnx: cannot be run"),
    "wrong tokens": (lambda f: edit_card(f, text_tokens=9), "text.onnx: cannot be run"),
    "no image tower": (lambda f: (f / "image.onnx").unlink(), "image.onnx: missing"),
    "truncated image tower": (lambda f: cut(f, "image.onnx"), "image.onnx: cannot be loaded"),
    "empty image tower": (lambda f: (f / "image.onnx").write_bytes(b""), "image.onnx: empty"),
    "picture for a tower": (lambda f: (f / "image.onnx").write_bytes(b"\xff\xd8\xff" * 100), "image.onnx: cannot be loaded"),
    "other output": (rename_output, r"image.onnx: no output 'image_embeds'; it has 'embeds'"),
    "vectors of any length": (drop_normalisation, "image.onnx: gives vectors of length"),
    "truncated text tower": (lambda f: cut(f, "text.onnx"), "text.onnx: cannot be loaded"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json: missing"),
    "truncated tokenizer": (lambda f: cut(f, "tokenizer.json"), "tokenizer.json: not a tokenizer"),
    "foreign tokenizer": (lambda f: (f / "tokenizer.json").write_text('{"a": 1}'), "tokenizer.json: not a tokenizer"),
    "truncated background": (lambda f: cut(f, "background.npz"), "background.npz: array 'images' cannot be read"),
    "foreign background": (lambda f: (f / "background.npz").write_text("hello"), "background.npz: array 'images' cannot be read"),
    "background without texts": (lambda f: np.savez(f / "background.npz", images=np.eye(32)), "'texts' cannot be read"),
    "other background": (lambda f: np.savez(f / "background.npz", images=np.eye(8), texts=np.eye(8)), r"expected \[n, 32\]"),
    "long background": (lambda f: np.savez(f / "background.npz", images=np.eye(32) * 3, texts=np.eye(32)), "unit length"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_folder_says_what_is_wrong_and_where(tmp_path: Path, name: str) -> None:
    folder = make_tiny_model(tmp_path / "model")
    use(folder)
    act, message = BREAKS[name]
    act(folder)
    with pytest.raises(EncoderError, match=message):
        use(folder)


def test_a_folder_without_background_has_an_empty_one(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    (folder / "background.npz").unlink()
    background = load(str(folder), threads=1).background
    assert background.images.shape == background.texts.shape == (0, 32)


def test_an_address_is_a_shipped_name_or_a_folder(tmp_path: Path) -> None:
    assert load(str(make_tiny_model(tmp_path / "model")), threads=1).name == "tiny-0"
    for address in ("", "pico-999", str(tmp_path / "absent")):
        with pytest.raises(EncoderError, match="neither a shipped model"):
            load(address, threads=1)
    for address in ("hf:", "hf:name", "hf:../../etc", "hf:org/name@", "hf:org/name@../main", "hf:org/na--me", "hf:org/name/more"):
        with pytest.raises(EncoderError, match="expected"):
            load(address, threads=1)

"""Each family, exported from its published layout, answers as transformers' own model does; a start later needs no torch."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from huggingface_hub import constants
from transformers import AutoTokenizer, CLIPModel, SiglipModel

from encoders.address import load
from encoders.encoder import Encoder
from encoders.errors import EncoderError
from encoders.hub.cache import ModelCache
from encoders.hub.export import export_to_cache, fill_folder
from encoders.hub.local import read_local
from encoders.tokenizer import TextTokenizer
from framebus.cli import main
from schemas.space import check_space
from tests.encoders.hub import tiny
from tests.encoders.hub.loopback_hub import serve

COSINE: Final = 0.9999
TEXTS: Final = (
    "a red car", "Two PEOPLE beside a tree!", "  it's   (a) dog, no. 42 ", "", "日本語 naïve Straße", "fire " * 60,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A published model, what transformers itself makes of it, and the folder that it became."""

    files: Path
    folder: Path
    encoder: Encoder
    model: Any
    tokenizer: Any
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def as_trained(self, texts: list[str]) -> list[str]:
        """SigLIP 2 was trained on lower-cased text, which its tokenizer leaves to the caller."""
        return [text.lower() for text in texts] if "siglip2" in str(self.folder) else texts

    def own_inputs(self, texts: list[str]) -> Any:
        length = self.model.config.text_config.max_position_embeddings
        return self.tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")

    def own_texts(self, texts: list[str]) -> Any:
        return self._unit(self.model.get_text_features(**self.own_inputs(texts)))

    def own_pictures(self, pixels: npt.NDArray[np.uint8]) -> Any:
        planes = (pixels / 255 - np.array(self.mean)) / np.array(self.std)
        return self._unit(
            self.model.get_image_features(pixel_values=torch.tensor(planes.transpose(0, 3, 1, 2), dtype=torch.float32))
        )

    @staticmethod
    def _unit(features: Any) -> Any:
        vectors = features.pooler_output.detach()
        return (vectors / vectors.norm(dim=-1, keepdim=True)).numpy()


MAKERS: Final[dict[str, Callable[[Path], Path]]] = {
    "siglip": tiny.make_siglip, "siglip2": tiny.make_siglip2, "clip": tiny.make_clip, "open_clip": tiny.make_open_clip,
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Export a family from the hub's own layout into a cache, once; OpenCLIP's towers have their weights beside the graph."""

    @cache
    def export(family: str) -> Case:
        place = tmp_path_factory.mktemp(family)
        files = MAKERS[family](place / "files")
        snapshot = tiny.publish(files, place / "hub", f"tiny/{family}")
        if family == "open_clip":
            folder = place / "out"
            folder.mkdir()
            fill_folder(folder, read_local(snapshot), print, threads=1, external_from=1)
        else:
            folder = export_to_cache(snapshot, ModelCache(place / "models"), print, threads=1).folder
        siglip = family.startswith("siglip")
        model = SiglipModel if siglip else CLIPModel
        own: Any = model.from_pretrained(place / "reference" if family == "open_clip" else files)
        mean, std = ((0.5,) * 3, (0.5,) * 3) if siglip else ((0.48, 0.46, 0.41), (0.27, 0.26, 0.28))
        return Case(files, folder, load(str(folder), threads=1), own.eval(), AutoTokenizer.from_pretrained(files), mean, std)

    return export


@pytest.fixture(params=MAKERS)
def case(request: pytest.FixtureRequest, exported: Callable[[str], Case]) -> Case:
    return exported(request.param)


def test_both_towers_answer_as_transformers_own_model(case: Case) -> None:
    pixels = np.random.default_rng(8).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    own = case.own_pictures(pixels)
    assert (case.encoder.embed_images(pixels) * own).sum(axis=1).min() >= COSINE
    assert (case.encoder.embed_images(pixels[:1]) * own[:1]).sum() >= COSINE
    prompts = json.loads((case.folder / "encoder.json").read_text())["prompts"]
    for text in ("two dogs on a beach", "a red car"):
        sentences = [prompt.replace("{}", text) for prompt in prompts]
        mean = case.own_texts(case.as_trained(sentences)).mean(axis=0)
        assert float(case.encoder.embed_texts([text])[0] @ (mean / np.linalg.norm(mean))) >= COSINE


def test_every_text_becomes_the_ids_of_the_model_s_own_tokenizer(case: Case) -> None:
    rng = random.Random(5)
    letters = "abcdefgh AB. ,!?'-_()\t\n▁éüßÄ日本語½ﬁ０Ａ！\u00a0\u3000İ😀0123456789"
    texts = [*TEXTS, *("".join(rng.choices(letters, k=rng.randint(0, 30))) for _ in range(200))]
    card = json.loads((case.folder / "encoder.json").read_text())
    ids = TextTokenizer(case.folder / "tokenizer.json", card["text_tokens"], card["pad_id"]).ids(texts)
    own = case.own_inputs(case.as_trained(texts))["input_ids"].numpy()
    assert [text for text, ours, theirs in zip(texts, ids, own, strict=True) if not np.array_equal(ours, theirs)] == []


def test_the_folder_says_what_it_is_and_where_it_is_from(case: Case) -> None:
    card = json.loads((case.folder / "encoder.json").read_text())
    assert check_space(case.encoder.space).startswith("tiny/")
    assert card["source"].endswith(tiny.COMMIT)
    assert card["licence"] == (
        "apache-2.0" if (case.files / "README.md").exists() else f"unknown: not stated in {card['source']}"
    )
    assert card["resize"] == "squash"
    assert min(card["exported"]["image_cosine"], card["exported"]["text_cosine"]) >= COSINE
    assert (case.folder / "LICENSE").read_text()
    background = case.encoder.background
    assert len(background.texts) >= 150
    assert len(background.images) == 64


def test_weights_beside_the_graph_are_part_of_the_space(exported: Callable[[str], Case]) -> None:
    case = exported("open_clip")
    weights = case.folder / "image.onnx.data"
    whole, before = weights.read_bytes(), case.encoder.space
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert load(str(case.folder), threads=1).space != before
    weights.write_bytes(whole)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub's cache and a cache of models of this test alone, and no hub that answers."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("FRAMEBUS_MODELS", str(tmp_path / "models"))
    ask(monkeypatch, "http://127.0.0.1:9")
    return tmp_path / "hub"


def ask(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


def test_a_model_is_fetched_and_exported_once_and_then_loads_without_torch_or_network(
    exported: Callable[[str], Case],
    hub: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = exported("clip")
    files = shutil.copytree(before.files, tmp_path / "files")
    for unsafe in ("pytorch_model.bin", "modeling_evil.py", "flax_model.msgpack"):
        (files / unsafe).write_bytes(b"never fetched")
    with serve(files, "tiny/clip", tiny.COMMIT) as server:
        ask(monkeypatch, server.url)
        assert main(["encoder", "export", "hf:tiny/clip"]) == 0
    assert server.asked == {"config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "README.md",
                            "model.safetensors"}  # fmt: skip
    out = capsys.readouterr().out
    assert "cosine at least 1.0000" in out
    assert "FRAMEBUS_ENCODER=hf:tiny/clip" in out
    shutil.rmtree(hub)
    assert main(["encoder", "export", "hf:tiny/clip"]) == 0
    assert "exported before: nothing to do" in capsys.readouterr().out
    code = (
        "import sys; from encoders.address import load\n"
        "encoder = load('hf:tiny/clip', threads=1); encoder.warm(texts=True); print(encoder.space)\n"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub', 'onnx', 'safetensors') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[0] == before.encoder.space, "the same weights, exported twice, are one space"
    assert run.stdout.splitlines()[1] == "[]"
    assert run.stderr == ""
    assert b"site-packages" not in (before.folder / "image.onnx").read_bytes()


def test_a_hub_that_does_not_know_the_model_or_cannot_be_reached_is_told_within_seconds(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EncoderError, match=r"hf:tiny/absent: the hub at http://127.0.0.1:9 cannot be asked .*holds no copy"):
        load("hf:tiny/absent", threads=1)
    with serve(tiny.make_clip(tmp_path / "files"), "tiny/clip", tiny.COMMIT) as server:
        ask(monkeypatch, server.url)
        with pytest.raises(EncoderError, match=r"hf:tiny/absent: .* has no such repository, or it is private"):
            load("hf:tiny/absent", threads=1)
        with pytest.raises(EncoderError, match=r"hf:tiny/clip@v2: .* has the repository, but not this revision"):
            load("hf:tiny/clip@v2", threads=1)
    assert not (tmp_path / "models").exists()

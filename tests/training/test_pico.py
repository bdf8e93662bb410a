"""The shipped pico-1: it takes any text, knows the generated world, and answers the demonstration by meaning."""

import json

import numpy as np
import pytest

from encoders.address import load
from encoders.encoder import Encoder
from encoders.lookup import SHIPPED
from framebus.demo.script import CLIPS, read_script
from tests.servers import absent
from training.demo_check import check
from training.evaluate import scene_retrieval

FOLDER = SHIPPED / "pico-1"


@pytest.fixture(scope="module")
def pico() -> Encoder:
    if not (FOLDER / "encoder.json").exists():
        absent("pico-1 is not in this checkout")
    return load("pico-1", threads=1)


@pytest.mark.parametrize("text", ["", " ", "zzqx vrrm", "ein rotes Auto", "赤い車", "🚗🚗", "a red car " * 500, "<pad>", "{}"])
def test_any_text_gives_a_unit_vector(pico: Encoder, text: str) -> None:
    assert np.linalg.norm(pico.embed_texts([text])) == pytest.approx(1.0, abs=1e-4)


def test_scenes_are_found_by_what_they_show(pico: Encoder) -> None:
    figures = scene_retrieval(pico, scenes=150)
    chance = figures.pop("generated scenes, chance of 150")
    assert all(share > 5 * chance for share in figures.values()), figures


def test_the_demonstrations_searches_are_answered_rightly(pico: Encoder) -> None:
    wrong = [answer for answer in check(pico, read_script(), CLIPS) if not answer.right]
    assert not wrong


def test_the_towers_are_small_enough_to_ship() -> None:
    towers = [FOLDER / name for name in ("image.onnx", "text.onnx")]
    assert sum(tower.stat().st_size for tower in towers) < 17.5e6


def test_the_towers_carry_no_path_of_the_machine_that_made_them() -> None:
    for name in ("image.onnx", "text.onnx"):
        assert b".py" not in (FOLDER / name).read_bytes(), name


def test_the_card_and_the_licence_say_what_the_folder_is_for() -> None:
    card = json.loads((FOLDER / "encoder.json").read_text())
    assert "non-commercial" in card["licence"]
    assert "non-commercial" in (FOLDER / "LICENSE").read_text()
    assert f"{card['found']['text_absent_rejected']:.0%}" in (FOLDER / "CARD.md").read_text()

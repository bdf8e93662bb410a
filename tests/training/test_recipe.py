"""The recipe from a folder of photos to towers: teachers first, then pico, with everything beside it that an export needs."""

import csv
import dataclasses
import pathlib

import cv2
import numpy as np
import pytest
import torch

from training import recipe
from training.curve import COLUMNS
from training.facts import FEWEST_PHOTOS
from training.towers import Shape, Towers
from training.vocabulary import load_tokenizer

COLOURS = {"red": (30, 30, 220), "green": (40, 200, 30), "blue": (220, 40, 30), "white": (240, 240, 240)}
COUNT = len(COLOURS) * FEWEST_PHOTOS


@pytest.fixture
def images(tmp_path: pathlib.Path) -> pathlib.Path:
    """Plain coloured photos of two parts, labelled and captioned, in sheets as the real folder has them."""
    folder, rows = tmp_path / "images", []
    for part, side in (("flickr8k", 96), ("tinyimagenet", 64)):
        (folder / part).mkdir(parents=True)
        for split in ("train", "heldout"):
            sheet = np.zeros((side * -(-COUNT // 20), side * 20, 3), np.uint8)
            for tile, name in enumerate(list(COLOURS) * FEWEST_PHOTOS):
                y, x = divmod(tile, 20)
                sheet[y * side : (y + 1) * side, x * side : (x + 1) * side] = COLOURS[name]
                said = (name, "", "") if part == "tinyimagenet" else ("", "", f"a {name} wall . | all is {name} .")
                rows.append((f"{part}/{split}-000.jpg", tile, split, *said, ""))
            cv2.imwrite(str(folder / part / f"{split}-000.jpg"), sheet)
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("sheet", "tile", "split", "label", "broad", "captions", "original"), *rows])
    (folder / "parts.csv").write_text("part,tile\nflickr8k,96\ntinyimagenet,64\n")
    return folder


def test_a_folder_of_photos_becomes_towers_with_their_words_and_their_curve(
    images: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "SCENES", 20)
    monkeypatch.setattr(recipe, "WORLD_TEXTS", 50)
    monkeypatch.setattr(recipe, "TEACHER", Shape((16, 24), (1, 1), 4))
    for name in ("TEACHING", "LEARNING"):
        small = dataclasses.replace(getattr(recipe, name), batch=24, sides=((0.0, 16), (0.5, 32)))
        monkeypatch.setattr(recipe, name, small)
    checkpoint = recipe.train_towers(images, tmp_path, 3.0, torch.device("cpu"))
    towers = Towers(load_tokenizer(tmp_path / "tokenizer.json").get_vocab_size())
    towers.load_state_dict(torch.load(checkpoint, weights_only=True))
    lines = (tmp_path / "curve.csv").read_text().splitlines()
    assert lines[0] == COLUMNS
    assert {line.split(",")[0] for line in lines[1:]} == {"teacher 1", "teacher 2", "pico"}

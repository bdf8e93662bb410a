"""The labelled photos: sheets of tiles, decoded once into memory."""

import csv
import dataclasses
import os
import pathlib
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

SHEET_COLUMNS = 20

# How often a photo of a part is drawn, per photo: near-repeats and blurred parts less, captions more.
PART_WEIGHTS = {
    "tinyimagenet": 1.0,
    "flickr8k": 3.5,
    "caltech101": 1.2,
    "grocery": 1.0,
    "clothing": 1.0,
    "trashnet": 0.8,
    "hardhat": 1.0,
    "vehicles": 0.25,
    "cifar10": 0.3,
}


@dataclasses.dataclass(frozen=True)
class Photo:
    """What is known of one tile: a label with its broader words, or captions, or both."""

    label: str
    broader: tuple[str, ...]
    captions: tuple[str, ...]

    @property
    def concepts(self) -> tuple[str, ...]:
        return (self.label, *self.broader) if self.label else ()


@dataclasses.dataclass(frozen=True)
class Part:
    """One data set's tiles of one split: `pixels` is uint8 RGB [photos, side, side, 3]."""

    name: str
    pixels: Pixels
    photos: tuple[Photo, ...]


def default_images() -> pathlib.Path:
    """The folder of labelled photos that lies beside the checkout, or where FRAMEBUS_SHARED says."""
    return pathlib.Path(os.environ.get("FRAMEBUS_SHARED", "../shared")) / "images"


def load_parts(root: pathlib.Path, split: str) -> list[Part]:
    """Decode every tile of `split` ("train" or "heldout") under `root`; 1.3 GB for the training tiles."""
    rows = _rows_by_part(root, split)
    sides = {row["part"]: int(row["tile"]) for row in _rows(root / "parts.csv")}
    return [_load_part(root, name, part_rows, sides[name]) for name, part_rows in rows.items()]


def _rows(path: pathlib.Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _rows_by_part(root: pathlib.Path, split: str) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for row in _rows(root / "labels.csv"):
        if row["split"] == split:
            rows.setdefault(row["sheet"].split("/")[0], []).append(row)
    if not rows:
        raise ValueError(f'{root}/labels.csv has no rows of split "{split}": give "train" or "heldout"')
    return rows


def _load_part(root: pathlib.Path, name: str, rows: Sequence[dict[str, str]], side: int) -> Part:
    pixels = np.empty((len(rows), side, side, 3), np.uint8)
    open_name, sheet = "", pixels[0]
    for index, row in enumerate(rows):
        if row["sheet"] != open_name:
            open_name, sheet = row["sheet"], _read_sheet(root / row["sheet"])
        y, x = divmod(int(row["tile"]), SHEET_COLUMNS)
        pixels[index] = sheet[y * side : (y + 1) * side, x * side : (x + 1) * side]
    return Part(name, pixels, tuple(_photo(row) for row in rows))


def _read_sheet(path: pathlib.Path) -> Pixels:
    sheet = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if sheet is None:
        raise ValueError(f"{path} is not a readable picture: build the folder again with make_images.py")
    return np.asarray(cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB), np.uint8)


def _photo(row: dict[str, str]) -> Photo:
    return Photo(row["label"], _split(row["broad"], "; "), _split(row["captions"], " | "))


def _split(text: str, separator: str) -> tuple[str, ...]:
    return tuple(piece.strip() for piece in text.split(separator) if piece.strip())

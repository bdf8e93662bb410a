"""What is shipped as pico-1 keeps the promise of a model folder."""

import numpy as np
import pytest

from encoders.address import load
from encoders.check import Report, check
from encoders.encoder import Encoder
from encoders.lookup import SHIPPED
from tests.servers import absent


@pytest.fixture(scope="module")
def pico() -> Encoder:
    if not (SHIPPED / "pico-1" / "encoder.json").exists():
        absent("pico-1 is not in this checkout")
    return load("pico-1", threads=1)


@pytest.fixture(scope="module")
def report(pico: Encoder) -> Report:
    return check(pico, batch_sizes=(1, 16), seconds=0.2)


def test_its_vectors_are_units_and_hardly_depend_on_the_batch(report: Report) -> None:
    assert report.length_error < 1e-4
    assert report.image_agreement > 0.99999
    assert report.text_agreement is not None
    assert report.text_agreement > 0.99999


def test_it_says_that_it_is_a_demonstration_model_for_research(pico: Encoder) -> None:
    assert pico.notice is not None
    assert "demonstration model for research use" in pico.notice


def test_its_backgrounds_are_vectors_of_its_own_towers(pico: Encoder) -> None:
    background = pico.background
    assert len(background.images) >= 100
    assert len(background.texts) >= 100
    # Texts lie near texts and pictures near pictures: the two arrays are not mixed up.
    text = pico.embed_texts(["a dog runs on the grass", "two people at a table"])
    assert (text @ background.texts.T).mean() > (text @ background.images.T).mean()


def test_it_tells_plain_colours_apart(pico: Encoder) -> None:
    width, height = pico.image_size
    colours = {"red": (220, 20, 20), "green": (20, 180, 20), "blue": (20, 40, 220)}
    plain = [np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)) for colour in colours.values()]
    vectors = pico.embed_images(np.stack(plain))
    assert np.triu(vectors @ vectors.T, 1).max() < 0.99

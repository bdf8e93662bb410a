"""The promise of an encoder: unit vectors of one space, equal to what numpy computes from the same weights."""

from pathlib import Path

import numpy as np
import pytest

from encoders.address import load
from encoders.check import check
from encoders.encoder import Encoder
from encoders.errors import NoTextTower
from encoders.pictures import encode_jpeg
from schemas.errors import InvalidMessage
from schemas.space import check_space, space_name
from tests.tiny_model import COLOURS, image_vectors, image_weights, make_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load(str(folder), threads=1)


def noise(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(5).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)


def test_the_space_is_named_by_the_image_tower(encoder: Encoder, folder: Path) -> None:
    with (folder / "image.onnx").open("rb") as image:
        assert check_space(encoder.space) == space_name("tiny-0", image)


def test_vectors_equal_a_recomputation(encoder: Encoder, folder: Path) -> None:
    pixels = noise(9)
    vectors = encoder.embed_images(pixels)
    assert vectors.dtype == np.float32
    assert np.abs(vectors - image_vectors(image_weights(folder), pixels)).max() < 1e-6


@pytest.mark.parametrize("threads", [1, 2])
def test_a_picture_has_the_same_bits_in_every_batch(folder: Path, threads: int) -> None:
    encoder = load(str(folder), threads=threads)
    pixels = noise(23)
    whole = encoder.embed_images(pixels)
    parts = [encoder.embed_images(pixels[a:b]) for a, b in ((0, 1), (1, 4), (4, 20), (20, 23))]
    assert (np.concatenate(parts) == whole).all()


def test_nothing_in_gives_nothing_out(encoder: Encoder) -> None:
    assert encoder.embed_images(noise(0)).shape == (0, 32)
    assert encoder.embed_texts([]).shape == (0, 32)


def test_pixels_of_another_shape_are_refused(encoder: Encoder) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \[n, 32, 32, 3\]"):
        encoder.embed_images(noise(2)[:, :16])


def test_a_text_finds_the_picture_of_its_colour(encoder: Encoder) -> None:
    pictures = np.stack([np.broadcast_to(np.array(colour, np.uint8), (32, 32, 3)) for colour in COLOURS.values()])
    scores = encoder.embed_texts(list(COLOURS)) @ encoder.embed_images(pictures).T
    assert (scores.argmax(axis=1) == np.arange(len(COLOURS))).all()


def test_a_text_is_the_mean_over_the_prompts(encoder: Encoder, folder: Path, tmp_path: Path) -> None:
    both = encoder.embed_texts(["blue", "a red car"])
    alone = []
    for number, prompts in enumerate(('["{}"]', '["a photo of {}"]')):
        single = make_tiny_model(tmp_path / str(number))
        card = (single / "encoder.json").read_text().replace('["{}", "a photo of {}"]', prompts)
        (single / "encoder.json").write_text(card)
        alone.append(load(str(single), threads=1).embed_texts(["blue", "a red car"]))
    mean = (alone[0] + alone[1]) / 2
    assert np.allclose(both, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-6)


def test_a_text_with_braces_unknown_words_or_great_length_is_taken_as_it_is(encoder: Encoder) -> None:
    vectors = encoder.embed_texts(["{red} {}", "日本語", "red " * 500, ""])
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_an_image_only_folder_answers_pictures_and_explains_about_texts(tmp_path: Path) -> None:
    encoder = load(str(make_tiny_model(tmp_path / "images", text=False)), threads=1)
    encoder.warm(texts=True)
    assert encoder.embed_images(noise(1)).shape == (1, 32)
    with pytest.raises(NoTextTower, match="search with a picture"):
        encoder.embed_texts(["a red car"])


def test_the_text_tower_is_not_touched_by_who_needs_only_pictures(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model")
    (folder / "text.onnx").write_bytes(b"never read")
    encoder = load(str(folder), threads=1)
    encoder.warm(texts=False)
    assert encoder.embed_images(noise(1)).shape == (1, 32)


def test_a_prepared_jpeg_is_what_the_image_tower_takes(encoder: Encoder) -> None:
    pixels = encoder.prepare(encode_jpeg(np.full((288, 512, 3), 200, np.uint8)))
    assert pixels.shape == (32, 32, 3)
    assert np.abs(pixels.astype(int) - 200).max() <= 2
    with pytest.raises(InvalidMessage):
        encoder.prepare(b"no picture")


def test_the_check_reports_shapes_agreement_and_speed(encoder: Encoder) -> None:
    report = check(encoder, batch_sizes=(1, 4), seconds=0.01)
    assert (report.space, report.dimension) == (encoder.space, 32)
    assert report.length_error < 1e-5
    assert report.image_agreement == pytest.approx(1)
    assert report.text_agreement == pytest.approx(1)
    assert [speed.batch_size for speed in report.images] == [1, 4]
    assert all(speed.per_second > 0 for speed in report.images)

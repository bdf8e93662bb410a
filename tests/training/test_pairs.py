"""Training pairs: texts, and the truth of which text holds for which picture of a batch."""

import numpy as np
import pytest

from training.pairs import PairSource, photo_text, photo_truth, positives
from training.photos import Part, Photo, Pixels
from training.vocabulary import PAD_ID, token_ids, train_tokenizer

DOG = Photo("Chihuahua", ("dog",), ())
CAPTIONED = Photo("", (), ("A dog runs on grass .", "A brown dog ."))


def striped(count: int) -> Pixels:
    """Pictures whose left half is black and whose right half is white."""
    pixels = np.zeros((count, 64, 64, 3), np.uint8)
    pixels[:, :, 32:] = 255
    return pixels


def source(*photos: Photo) -> PairSource:
    return PairSource([Part("flickr8k", striped(len(photos)), photos)], 0.25, np.random.default_rng(1))


def test_a_label_holds_for_every_photo_that_shows_it_and_for_captions_that_name_it() -> None:
    rng = np.random.default_rng(0)
    claims = {photo_text(DOG, ("a", 0), rng)[1] for _ in range(60)}
    assert claims == {frozenset({("is", "Chihuahua")}), frozenset({("is", "dog")})}
    assert frozenset({("is", "dog")}) <= photo_truth(CAPTIONED, ("b", 1))
    assert not frozenset({("is", "Chihuahua")}) <= photo_truth(CAPTIONED, ("b", 1))


def test_a_batch_has_its_share_of_scenes_and_every_text_holds_for_its_own_picture() -> None:
    pairs = source(DOG, CAPTIONED).batch(32, 48)
    assert {pair.pixels.shape for pair in pairs} == {(48, 48, 3)}
    assert sum(fact[:1] == ("place",) for pair in pairs for fact in pair.truth) == 8
    assert positives(pairs).diagonal().all()


def test_equal_seeds_draw_equal_batches() -> None:
    first, second = (source(DOG, CAPTIONED).batch(16, 48) for _ in range(2))
    assert all(np.array_equal(a.pixels, b.pixels) and a.text == b.text for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("text", "flipped"), [("a dog on the left", False), ("a dog", True)])
def test_a_picture_whose_text_names_a_side_is_never_mirrored(text: str, flipped: bool) -> None:
    pairs = source(Photo("", (), (text,))).batch(64, 48)[16:]
    mirrored = [pair.pixels[:, :8].mean() > pair.pixels[:, -8:].mean() + 60 for pair in pairs]
    assert any(mirrored) == flipped


def test_a_tokenizer_takes_any_text_and_pads_or_cuts_it() -> None:
    tokenizer = train_tokenizer(["a red car", "a red dog"] * 20, text_tokens=8)
    ids = token_ids(tokenizer, ["", "a red car", "grüße 東京 🚗 " * 40])
    assert ids.shape == (3, 8)
    assert (ids[0] == PAD_ID).all()
    assert (ids[2] != PAD_ID).all()
    assert tokenizer.decode(ids[1][ids[1] != PAD_ID].tolist()).strip() == "a red car"

"""Training pairs: texts, and the truth of which text holds for which picture of a batch."""

import numpy as np
import pytest

from training.facts import FactClasses
from training.loader import with_losses
from training.pairs import PairSource, photo_text, photo_truth, phrase_of, positives
from training.photos import Part, Photo, Pixels
from training.vocabulary import PAD_ID, token_ids, train_tokenizer

DOG = Photo("Chihuahua", ("dog",), ())
BOTH = frozenset({("is", "Chihuahua"), ("is", "school bus")})
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
    drawn = source(Photo("", (), (text,))).batch(64, 48)
    pairs = [pair for pair in drawn if pair.text == text]
    mirrored = [pair.pixels[:, :8].mean() > pair.pixels[:, -8:].mean() + 60 for pair in pairs]
    assert any(mirrored) == flipped


def test_a_caption_is_cut_to_words_that_name_something_and_hold_where_all_of_them_do() -> None:
    rng = np.random.default_rng(0)
    cut = [phrase for _ in range(60) if (phrase := phrase_of("A brown dog is on the grass .", rng))]
    assert {text for text, _ in cut} >= {"dog", "brown dog", "the grass"}
    assert all(text.split()[-1] not in {"a", "is", "on", "the"} for text, _ in cut)
    assert dict(cut)["brown dog"] == frozenset({("is", "brown"), ("is", "dog")})


def test_two_photos_side_by_side_are_named_together() -> None:
    both = [pair for pair in source(DOG, Photo("school bus", ("bus",), ())).batch(256, 48) if pair.claims == BOTH]
    assert both
    assert all(pair.truth == BOTH | {("is", "dog"), ("is", "bus")} for pair in both)


def test_what_is_known_becomes_classes_without_words_that_name_nothing() -> None:
    classes = FactClasses([photo_truth(CAPTIONED, ("b", 1))] * 15 + [photo_truth(DOG, ("a", 0))] * 14)
    targets = classes.targets([photo_truth(CAPTIONED, ("b", 1)), frozenset()])
    assert len(classes) == len({"dog", "runs", "grass", "brown"})
    assert targets.sum(axis=1) == pytest.approx([1.0, 0.0])


def test_pieces_left_out_of_a_text_leave_no_hole() -> None:
    ids = np.tile(np.array([[5, 6, 7, 8, 9, 10, PAD_ID, PAD_ID], [5, 6, 7, PAD_ID, PAD_ID, PAD_ID, PAD_ID, PAD_ID]]), (200, 1))
    cut = with_losses(ids, np.random.default_rng(0))
    assert (cut[1::2] == ids[1::2]).all()
    assert 0 < (ids != PAD_ID).sum() - (cut != PAD_ID).sum() < 0.15 * (ids != PAD_ID).sum()
    assert all((np.diff((row != PAD_ID).astype(int)) <= 0).all() and (np.diff(row[row != PAD_ID]) > 0).all() for row in cut)


def test_a_tokenizer_takes_any_text_and_pads_or_cuts_it() -> None:
    tokenizer = train_tokenizer(["a red car", "a red dog"] * 20, text_tokens=8)
    ids = token_ids(tokenizer, ["", "a red car", "grüße 東京 🚗 " * 40])
    assert ids.shape == (3, 8)
    assert (ids[0] == PAD_ID).all()
    assert (ids[2] != PAD_ID).all()
    assert tokenizer.decode(ids[1][ids[1] != PAD_ID].tolist()).strip() == "a red car"

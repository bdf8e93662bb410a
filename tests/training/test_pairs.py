"""Texts of photos: what they say, and what they claim."""

from collections import Counter

import numpy as np

from training.pairs import TEXTS, label_captions, photo_captions, photo_truth, phrase_of
from training.photos import Photo
from training.vocabulary import PAD_ID, token_ids, train_tokenizer

DOG = Photo("Chihuahua", ("dog",), ())
CAPTIONED = Photo("", (), ("A dog runs on grass .", "A brown dog ."))


def test_a_label_holds_for_every_photo_that_shows_it_and_for_captions_that_name_it() -> None:
    claims = Counter(caption.facts for caption in photo_captions(DOG, ("a", 0), np.random.default_rng(0)))
    assert claims == {frozenset({("is", "Chihuahua")}): 32, frozenset({("is", "dog")}): 8}
    assert frozenset({("is", "dog")}) <= photo_truth(CAPTIONED, ("b", 1))
    assert not frozenset({("is", "Chihuahua")}) <= photo_truth(CAPTIONED, ("b", 1))


def test_a_label_without_broader_words_is_all_that_is_said() -> None:
    assert {caption.facts for caption in label_captions(("truck",))} == {frozenset({("is", "truck")})}


def test_a_captioned_photo_has_its_captions_and_some_of_their_words() -> None:
    captions = photo_captions(CAPTIONED, ("b", 1), np.random.default_rng(0))
    whole = [caption for caption in captions if caption.text in CAPTIONED.captions]
    assert len(captions) == TEXTS
    assert {caption.text for caption in whole} == set(CAPTIONED.captions)
    assert {caption.facts for caption in whole} == {frozenset({("photo", "b", 1)})}
    assert 0 < TEXTS - len(whole) <= TEXTS // 4


def test_a_caption_is_cut_to_words_that_name_something_and_hold_where_all_of_them_do() -> None:
    rng = np.random.default_rng(0)
    cut = {phrase.text: phrase.facts for _ in range(60) if (phrase := phrase_of("A brown dog is on the grass .", rng))}
    assert set(cut) >= {"dog", "brown dog", "the grass"}
    assert all(text.split()[-1] not in {"a", "is", "on", "the"} for text in cut)
    assert cut["brown dog"] == frozenset({("is", "brown"), ("is", "dog")})


def test_a_tokenizer_takes_any_text_and_pads_or_cuts_it() -> None:
    tokenizer = train_tokenizer(["a red car", "a red dog"] * 20, text_tokens=8)
    ids = token_ids(tokenizer, ["", "a red car", "grüße 東京 🚗 " * 40])
    assert ids.shape == (3, 8)
    assert (ids[0] == PAD_ID).all()
    assert (ids[2] != PAD_ID).all()
    assert tokenizer.decode(ids[1][ids[1] != PAD_ID].tolist()).strip() == "a red car"

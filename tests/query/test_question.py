"""The vectors of a query."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.question import Part, ask
from tests.query.corpus import unit

RNG = np.random.default_rng(0)
TEXTS, IMAGES, ROWS = unit(RNG.normal(size=(50, 16)) + 0.5), unit(RNG.normal(size=(40, 16))), unit(RNG.normal(size=(200, 16)))
TEXT, PICTURE = unit(RNG.normal(size=(2, 16)))


def test_a_text_is_ranked_by_its_score_less_the_row_s_mean_over_the_background_texts() -> None:
    question = ask([Part("text", TEXT, 1.0)], TEXTS, IMAGES, {"text": 0.2, "image": 0.8})
    wanted = ROWS @ TEXT - (ROWS @ TEXTS.T).mean(axis=1)
    assert ROWS @ question.vector == pytest.approx(wanted, abs=1e-6)
    assert np.argsort(ROWS @ question.direction).tolist() == np.argsort(ROWS @ question.vector).tolist()
    assert question.threshold == 0.2


def test_a_picture_is_ranked_by_its_score_alone() -> None:
    question = ask([Part("image", PICTURE, 1.0)], TEXTS, IMAGES, {"text": 0.2, "image": 0.8})
    assert question.vector == pytest.approx(PICTURE)
    assert question.background == pytest.approx((IMAGES @ PICTURE).mean(), abs=1e-6)


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_parts_are_joined_by_weight_and_only_the_proportion_matters(text: float, image: float) -> None:
    parts = [Part("text", TEXT, text), Part("image", PICTURE, image)]
    question = ask(parts, TEXTS, IMAGES, {"text": 0.2, "image": 0.8})
    scaled = ask([Part("text", TEXT, 2 * text), Part("image", PICTURE, 2 * image)], TEXTS, IMAGES, None)
    share = text / (text + image)
    assert question.vector == pytest.approx(unit(text * TEXT + image * PICTURE) - share * TEXTS.mean(axis=0), abs=1e-5)
    assert question.vector == pytest.approx(scaled.vector, abs=1e-5)
    assert question.threshold == pytest.approx((text * 0.2 + image * 0.8) / (text + image))


def test_an_encoder_without_backgrounds_ranks_by_the_score() -> None:
    none = np.empty((0, 16), np.float32)
    question = ask([Part("text", TEXT, 1.0)], none, none, None)
    assert question.vector == pytest.approx(TEXT)
    assert (question.background, question.threshold) == (0.0, None)

"""The arithmetic behind the figures: recall, the threshold of `found`, and the tiles of the labelled photos."""

import os
from pathlib import Path

import numpy as np
import pytest

from training.fit_found import balanced, best_scores
from training.footage import smoothed
from training.photos import load_parts
from training.recall import recalls

SHARED = Path(os.environ.get("FRAMEBUS_SHARED", Path(__file__).parents[3] / "shared"))


def test_recall_counts_queries_with_a_true_row_among_the_first() -> None:
    scores = np.array([[0.9, 0.1, 0.5], [0.5, 0.9, 0.9], [0.1, 0.5, 0.1]], np.float32)
    holds = np.array([[True, False, True], [False, False, False], [False, True, True]])
    assert recalls("x", scores, holds, (1, 2, 3)) == {"x R@1": 1 / 3, "x R@2": 1.0, "x R@3": 1.0}


def test_the_threshold_parts_what_can_be_parted() -> None:
    rng = np.random.default_rng(0)
    fit = balanced(rng.uniform(0.6, 0.9, 200).astype(np.float32), rng.uniform(0.1, 0.4, 200).astype(np.float32))
    assert 0.4 < fit.threshold <= 0.61
    assert fit.present_kept > 0.99
    assert fit.absent_rejected == 1.0


def test_best_scores_are_taken_over_the_corpus_alone() -> None:
    scores = np.array([[0.9, 0.2], [0.1, 0.3], [0.8, 0.8]], np.float32)
    holds = np.array([[True, False], [False, False], [False, True]])
    present, absent = best_scores(scores, holds, holds, [np.array([0, 1])], np.random.default_rng(0))
    assert set(present.tolist()) == {np.float32(0.9)}
    assert set(absent.tolist()) == {np.float32(0.3)}


def test_smoothing_keeps_unit_length_and_a_constant_clip() -> None:
    vectors = np.tile(np.array([[0.6, 0.8]], np.float32), (9, 1))
    assert np.allclose(smoothed(vectors, np.arange(9) / 2), vectors, atol=1e-6)


def test_tiles_are_read_with_their_labels() -> None:
    if not (SHARED / "images").is_dir():
        pytest.skip(f"{SHARED}/images is absent: the labelled photos are not part of the project")
    parts = {part.name: part for part in load_parts(SHARED / "images", "heldout")}
    assert len(parts["flickr8k"].photos) == 1000
    assert all(len(photo.captions) == 5 for photo in parts["flickr8k"].photos)
    assert parts["tinyimagenet"].pixels.shape == (2400, 64, 64, 3)


def test_an_unknown_split_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("sheet,tile,split,label,broad,captions,original\n")
    (tmp_path / "parts.csv").write_text("part,tile\n")
    with pytest.raises(ValueError, match='no rows of split "test"'):
        load_parts(tmp_path, "test")

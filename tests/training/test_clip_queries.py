"""The texts for the real clips: enough of them, each once, each with answers that exist."""

import os
from collections import Counter
from pathlib import Path

import pytest

from training.clip_queries import CLIP_QUERIES, EARLIER_QUERIES
from training.evaluate import VIDEOS

SHARED = Path(os.environ.get("FRAMEBUS_SHARED", Path(__file__).parents[3] / "shared"))

ASKED = Counter(clip for _, answers in CLIP_QUERIES for clip in answers)


def test_there_are_sixty_texts_or_more_and_each_is_asked_once() -> None:
    texts = [text.casefold() for text, _ in CLIP_QUERIES]
    assert len(texts) >= 60
    assert len(set(texts)) == len(texts)


def test_the_earlier_twelve_come_first_and_keep_their_answers() -> None:
    assert len(EARLIER_QUERIES) == 12
    for (earlier, told), (text, answers) in zip(EARLIER_QUERIES, CLIP_QUERIES, strict=False):
        assert text == earlier
        assert set(told) <= set(answers)


def test_every_text_has_answers_each_named_once() -> None:
    for text, answers in CLIP_QUERIES:
        assert answers, text
        assert len(set(answers)) == len(answers), text


def test_the_answers_are_the_real_clips_and_every_clip_is_asked_for_three_times_or_more() -> None:
    if not (SHARED / "videos").is_dir():
        pytest.skip(f"{SHARED}/videos is absent: the real clips are not part of the project")
    clips = {path.stem for path in (SHARED / "videos").rglob("*") if path.suffix in VIDEOS}
    assert set(ASKED) == clips
    assert min(ASKED.values()) >= 3

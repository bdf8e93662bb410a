"""A chunk of which a consumer has lost a part is sent again as a larger run, the same one whoever deals it."""

import pytest

from schemas.messages import Life, Recut, Source
from schemas.producer_clock import FUTURE_LIMIT_MS
from schemas.topics import EMBEDDINGS_BULK, FRAMES_BULK, FRAMES_LIVE
from services.decoder.reruns import FIRST_RUN, Reruns

BEGAN_MS = 1_763_625_600_000


def source(source_id: str, began_ms: int = 1000, life: int = 1) -> Source:
    return Source(source_id=source_id, kind="file", life=life, lives=(Life(life=life, began_ms=began_ms),), sample_fps=1.0)


def recut(at_ms: int, source_id: str | None = None, topic: str = FRAMES_BULK.name, life: int | None = None) -> Recut:
    return Recut(source_id=source_id, life=life, topic=topic, partition=0, first_offset=0, last_offset=9, at_ms=at_ms)


def test_a_chunk_is_of_the_first_run_until_something_of_its_life_was_lost() -> None:
    told = [recut(5000, topic=FRAMES_LIVE.name), recut(0)]
    assert Reruns().run_of(source("a")) == Reruns(told).run_of(source("a")) == FIRST_RUN
    assert Reruns([recut(1000)]).run_of(source("a")) == 1000


@pytest.mark.parametrize("behind_ms", [60_000, 86_400_000, BEGAN_MS - 1])
def test_a_loss_that_names_its_life_counts_however_far_its_tellers_clock_is_behind(behind_ms: int) -> None:
    reruns = Reruns([recut(BEGAN_MS - behind_ms, "a", EMBEDDINGS_BULK.name, life=2)])
    assert reruns.run_of(source("a", BEGAN_MS, life=2)) == BEGAN_MS - behind_ms > FIRST_RUN


def test_a_loss_that_names_its_life_is_nothing_to_another_however_far_its_tellers_clock_is_ahead() -> None:
    reruns = Reruns([recut(BEGAN_MS + 86_400_000, "a", EMBEDDINGS_BULK.name, life=1)])
    assert reruns.run_of(source("a", BEGAN_MS, life=2)) == FIRST_RUN


@pytest.mark.parametrize("source_id", [None, "a"])
def test_a_loss_that_names_no_life_counts_if_it_was_told_since_the_life_began_as_far_as_clocks_agree(
    source_id: str | None,
) -> None:
    reruns = Reruns([recut(BEGAN_MS - FUTURE_LIMIT_MS - 1, source_id)])
    assert reruns.run_of(source("a", BEGAN_MS)) == FIRST_RUN
    reruns.take(recut(BEGAN_MS - FUTURE_LIMIT_MS, source_id))
    assert reruns.run_of(source("a", BEGAN_MS)) == BEGAN_MS - FUTURE_LIMIT_MS


def test_the_newest_loss_counts_whether_it_names_a_life_or_not() -> None:
    reruns = Reruns([recut(3000), recut(2000, "a", life=1)])
    assert reruns.run_of(source("a")) == 3001
    reruns.take(recut(4000))
    assert reruns.run_of(source("a")) == 4000


def test_a_time_that_cannot_be_counts_as_nothing() -> None:
    """The runs of what is lost later would be larger than any record may say."""
    assert Reruns([recut(2**53 - 1), recut(2000)]).run_of(source("a")) == 2000


def test_what_was_lost_of_one_source_is_nothing_to_another() -> None:
    reruns = Reruns([recut(2000, "a", EMBEDDINGS_BULK.name)])
    assert (reruns.run_of(source("a")), reruns.run_of(source("b"))) == (2000, FIRST_RUN)
    reruns.take(recut(3000))
    assert (reruns.run_of(source("a")), reruns.run_of(source("b"))) == (3000, 3000)


def test_a_later_loss_makes_a_larger_run_though_its_teller_has_a_slow_clock() -> None:
    reruns = Reruns([recut(5000), recut(4000)])
    assert reruns.run_of(source("a")) == 5001

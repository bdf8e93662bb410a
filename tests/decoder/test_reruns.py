"""A chunk of which a consumer has lost a part is sent again as a larger run, the same one whoever deals it."""

from schemas.messages import Life, Recut, Source
from schemas.topics import EMBEDDINGS_BULK, FRAMES_BULK, FRAMES_LIVE
from services.decoder.reruns import FIRST_RUN, Reruns


def source(source_id: str, began_ms: int = 1000) -> Source:
    return Source(source_id=source_id, kind="file", life=1, lives=(Life(life=1, began_ms=began_ms),), sample_fps=1.0)


def recut(at_ms: int, source_id: str | None = None, topic: str = FRAMES_BULK.name) -> Recut:
    return Recut(source_id=source_id, topic=topic, partition=0, first_offset=0, last_offset=9, at_ms=at_ms)


def test_a_chunk_is_of_the_first_run_until_something_of_its_life_was_lost() -> None:
    told = [recut(999), recut(5000, topic=FRAMES_LIVE.name), recut(0)]
    assert Reruns().run_of(source("a")) == Reruns(told).run_of(source("a")) == FIRST_RUN
    assert Reruns([recut(1000)]).run_of(source("a")) == 1000


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

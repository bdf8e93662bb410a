"""Sources whose rows lie denser than their records say lose no hit, though Milvus gives only so many rows at once."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from schemas.identity import source_no
from schemas.messages import Source
from services.query import filters
from services.query.curves import ROWS_BUDGET, Rows, hits_of, one_a_moment
from services.query.filters import Expression
from services.query.question import Question
from services.query.ranking import Found
from services.query.scope import Scope
from services.query.search import Search
from services.query.sources import SourceBook
from services.query.store import ROWS_LIMIT, Collection, Store
from services.query.windows import REACH_MS, Window
from tests.query.corpus import file_source

Times = npt.NDArray[np.int64]
SPAN: Final = re.compile(r"source_no == (-?\d+) and life == 1 and t_ms >= (-?\d+) and t_ms <= (-?\d+)")
MINUTE_MS: Final = 60_000


class InMemory(Store):
    """Rows at the times that `times` gives for a span of a source, high where `matching` holds; not all come at once."""

    def __init__(self, times: Callable[[int, int, int], Times], matching: Callable[[Times], npt.NDArray[np.bool_]]) -> None:
        super().__init__("http://127.0.0.1:1")
        self._times, self._matching = times, matching
        self.asked: list[int] = []

    def rows(self, collection: str, expression: Expression, limit: int = ROWS_LIMIT) -> Rows:
        """Return the first rows that match, in the order of their sources and times."""
        spans = [(int(no), self._times(int(no), int(first), int(last))) for no, first, last in SPAN.findall(expression)]
        numbers = np.concatenate([np.full(t_ms.size, no, np.int64) for no, t_ms in spans])
        times = np.concatenate([t_ms for _, t_ms in spans])
        self.asked.append(times.size)
        came = np.lexsort((times, numbers))[:limit]
        score = np.where(self._matching(times[came]), 0.9, 0.1)
        vectors = np.stack([score, np.sqrt(1 - score**2)], axis=1).astype(np.float32)
        ones = np.ones(came.size, np.int64)
        return one_a_moment(Rows(numbers[came], ones, times[came], -ones, ones < 0, vectors, came.size < limit))


def at_fps(fps: float) -> Callable[[int, int, int], Times]:
    """Return the times of rows that lie `fps` a second everywhere, the same in every span."""
    period_ms = round(1000 / fps)
    return lambda _, first_ms, last_ms: np.arange(-(-first_ms // period_ms) * period_ms, last_ms + 1, period_ms, dtype=np.int64)


def push_source(source_id: str, **fields: Any) -> Source:
    return msgspec.structs.replace(file_source(source_id, sample_fps=1.0, **fields), kind="push", url=None)


def around(source: Source, t_ms: int) -> Window:
    return Window(source_no(source.source_id), 1, t_ms - REACH_MS, t_ms + REACH_MS)


def search(store: Store, windows: list[Window], sources: list[Source]) -> list[Found]:
    """Return all hits in windows, best first, of these sources, by source and time."""
    limits = Scope({source_no(source.source_id): source for source in sources}, filters.EVERYTHING, filters.EVERYTHING, 0)
    question = Question(np.array([1, 0], np.float32), 0.0, None)
    reading = Search(SourceBook("space"), store, None)  # type: ignore[arg-type]  # nothing is encoded here
    curves = reading._curves(windows, question, limits, Collection("rows", None))  # type: ignore[arg-type]
    return sorted(hits_of(curves), key=lambda hit: (hit.source_id, hit.start_ms))


def of_every_minute(seconds: int) -> Callable[[Times], npt.NDArray[np.bool_]]:
    """Match the seconds around each full minute."""
    return lambda t_ms: (t_ms + seconds * 500) % MINUTE_MS < seconds * 1000


def test_long_moments_of_a_source_that_is_pushed_25_frames_a_second_are_all_found() -> None:
    source = push_source("pushed")
    five_of_twenty_minutes = InMemory(at_fps(25), lambda t_ms: t_ms % (20 * MINUTE_MS) < 5 * MINUTE_MS)
    middles_ms = [number * 20 * MINUTE_MS + 150_000 for number in range(6)]
    hits = search(five_of_twenty_minutes, [around(source, t_ms) for t_ms in middles_ms], [source])
    assert len(hits) == len(middles_ms)
    assert all(hit.start_ms <= t_ms < hit.end_ms for hit, t_ms in zip(hits, middles_ms, strict=True))
    assert max(five_of_twenty_minutes.asked) <= ROWS_BUDGET


def test_more_rows_around_the_candidates_than_one_read_gives_lose_no_hit_and_the_best_windows_stay_whole() -> None:
    sources = [push_source(f"pushed-{number}") for number in range(10)]
    places = [(source, minute * MINUTE_MS) for minute in range(1, 5) for source in sources]
    store = InMemory(at_fps(25), of_every_minute(seconds=16))
    hits = search(store, [around(*place) for place in places], sources)
    wanted = sorted((source.source_id, t_ms) for source, t_ms in places)
    assert [hit.source_id for hit in hits] == [source_id for source_id, _ in wanted]
    assert [(hit.start_ms + hit.end_ms) // 2 for hit in hits] == pytest.approx([t_ms for _, t_ms in wanted], abs=100)
    seconds = {(hit.source_id, hit.start_ms // MINUTE_MS): (hit.end_ms - hit.start_ms) / 1000 for hit in hits}
    assert [seconds[source.source_id, t_ms // MINUTE_MS - 1] for source, t_ms in places] == [
        *[pytest.approx(16, abs=0.1)] * 20, *[pytest.approx(10, abs=0.1)] * 20,
    ]  # fmt: skip
    assert store.asked == [40 * 501, 20 * 501 + 20 * 251]


def test_a_window_that_alone_has_more_rows_than_one_read_gives_still_has_its_hit() -> None:
    source = push_source("fast")
    store = InMemory(at_fps(1000), of_every_minute(seconds=4))
    (hit,) = search(store, [around(source, MINUTE_MS)], [source])
    assert (hit.start_ms, hit.end_ms) == pytest.approx((MINUTE_MS - 2_000, MINUTE_MS + 2_000), abs=2)
    assert store.asked == [20_001, 10_001]


def test_a_hundred_windows_of_a_fast_source_have_a_hit_each_and_none_overlap() -> None:
    source = push_source("fast")
    times_ms = [minute * MINUTE_MS for minute in range(1, 101)]
    store = InMemory(at_fps(500), of_every_minute(seconds=4))
    hits = search(store, [around(source, t_ms) for t_ms in times_ms], [source])
    assert all(hit.start_ms <= t_ms < hit.end_ms for hit, t_ms in zip(hits, times_ms, strict=True))
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(hits))


def test_rows_that_lie_denser_beyond_a_window_than_in_it_cost_no_hit() -> None:
    source = push_source("changed")

    def denser_elsewhere(number: int, first_ms: int, last_ms: int) -> Times:
        """Return a row a second until the 15th and a thousand from then on."""
        before, after = at_fps(1)(number, first_ms, min(last_ms, 14_999)), at_fps(1000)(number, max(first_ms, 15_000), last_ms)
        return np.concatenate([before, after])

    store = InMemory(denser_elsewhere, lambda t_ms: t_ms > -MINUTE_MS)
    (hit,) = search(store, [around(source, 0)], [source])
    assert (hit.start_ms, hit.end_ms) == (-10_500, 10_500)
    assert store.asked[-1] > ROWS_LIMIT


def test_a_dense_source_leaves_the_moments_of_the_others_as_long_as_they_are() -> None:
    dense, sparse = push_source("dense"), push_source("sparse")

    def times(number: int, first_ms: int, last_ms: int) -> Times:
        return at_fps(25 if number == source_no("dense") else 1)(number, first_ms, last_ms)

    windows = [around(source, minute * MINUTE_MS) for minute in range(0, 60, 10) for source in (dense, sparse)]
    hits = search(InMemory(times, lambda t_ms: t_ms % (10 * MINUTE_MS) < 2 * MINUTE_MS), windows, [dense, sparse])
    minutes = [(hit.end_ms - hit.start_ms) / MINUTE_MS for hit in hits if hit.source_id == "sparse"]
    assert minutes == [pytest.approx(2, abs=0.05)] * 6
    assert len(hits) == 12


def test_a_usual_search_is_one_read() -> None:
    sources = [push_source(f"usual-{number}") for number in range(40)]
    store = InMemory(at_fps(1), of_every_minute(seconds=4))
    assert len(search(store, [around(source, MINUTE_MS) for source in sources], sources)) == 40
    assert store.asked == [40 * 21]

"""Windows, ranking and pages: from candidates to what a page shows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.access import Signer
from services.query.pages import KEPT_SECONDS, Pages, next_cursor
from services.query.problems import Problem
from services.query.ranking import Found, Mode, arrange
from services.query.search_routes import _hit
from services.query.windows import REACH_MS, Window, merge, open_windows

places = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(0, 200_000)), max_size=60)
hits = st.lists(
    st.builds(
        Found,
        source_id=st.sampled_from(["a", "b", "c"]),
        life=st.just(1),
        start_ms=st.integers(0, 100),
        end_ms=st.just(101),
        peak_ms=st.just(100),
        captured_ms=st.sampled_from([-1, 5, 6, 7]),
        score=st.sampled_from([0.1, 0.2, 0.3]),
    ),
    unique_by=lambda hit: (hit.source_id, hit.start_ms),
    max_size=30,
)


def test_a_candidate_within_a_window_opens_no_other() -> None:
    near = [(1, 1, 50_000), (1, 1, 50_000 + REACH_MS), (1, 1, 90_000), (2, 1, 50_000)]
    windows, full = open_windows(near, [], per_source=2, most=10)
    assert [(window.source_no, window.first_ms + REACH_MS) for window in windows] == [(1, 50_000), (1, 90_000), (2, 50_000)]
    assert full == {1}


def test_a_later_round_goes_on_from_an_earlier_one() -> None:
    first, _ = open_windows([(1, 1, 0)], [], per_source=1, most=3)
    again, full = open_windows([(1, 1, 100_000), (2, 1, 0), (3, 1, 0), (4, 1, 0)], first, per_source=1, most=3)
    assert [window.source_no for window in again] == [1, 2, 3]
    assert full == {1, 2, 3}


@given(places)
def test_merged_windows_hold_every_row_of_the_others_exactly_once(drawn: list[tuple[int, int, int]]) -> None:
    windows = [Window(source_no, life, t_ms - REACH_MS, t_ms + REACH_MS) for source_no, life, t_ms in drawn]
    merged = merge(windows)
    assert merged == merge(reversed(windows)) == merge(merged)
    for source_no, life, t_ms in drawn:
        assert sum((one.source_no, one.life) == (source_no, life) and one.holds(t_ms) for one in merged) == 1
        assert sum((one.source_no, one.life) == (source_no, life) and one.holds(t_ms + REACH_MS) for one in merged) == 1


@given(hits, st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 20))
def test_the_list_does_not_depend_on_the_order_in_which_hits_come(
    found: list[Found], random: object, per_source: int, most: int
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    modes: tuple[Mode, ...] = ("ranked", "best_moment", "chronological")
    for mode in modes:
        listed = arrange(found, mode, per_source, most)
        assert listed == arrange(shuffled, mode, per_source, most)
        assert len(listed) <= most


@given(hits, st.integers(1, 3))
def test_a_list_keeps_the_best_of_each_source(found: list[Found], per_source: int) -> None:
    listed = arrange(found, "ranked", per_source, 1_000)
    assert [hit.score for hit in listed] == sorted((hit.score for hit in listed), reverse=True)
    for source_id in {hit.source_id for hit in found}:
        mine = sorted((hit.score for hit in found if hit.source_id == source_id), reverse=True)
        assert [hit.score for hit in listed if hit.source_id == source_id] == mine[:per_source]


def test_hits_without_a_clock_come_after_those_with_one() -> None:
    hit = Found("a", 1, 0, 1, 0, -1, 0.9)
    later, earlier = replace(hit, captured_ms=20, score=0.5), replace(hit, captured_ms=10, score=0.4)
    assert arrange([hit, later, earlier], "chronological", 9, 9) == [earlier, later, hit]


def test_the_addresses_of_a_hit_name_its_life_so_that_no_browser_shows_an_older_one() -> None:
    hit, signer = Found("a", 1, 0, 1, 0, -1, 0.9), Signer(b"secret")

    def addresses(life: int) -> list[str]:
        shown = _hit(replace(hit, life=life), lambda name, params: signer.sign(f"/v1/sources/a/{name}", params, "key", 1))
        return [shown["thumbnail_url"], shown["clip_url"]]

    assert not {*addresses(1)} & {*addresses(2)}
    assert all("life=2&" in address for address in addresses(2))


def test_a_cursor_leads_back_to_its_list_and_place() -> None:
    pages = Pages[str]()
    token = pages.keep("the list", "key", 100.0)
    assert pages.find(next_cursor(token, 20), "key", 100.0 + KEPT_SECONDS - 1) == (token, "the list", 20)


@pytest.mark.parametrize(("key_id", "seconds"), [("key", KEPT_SECONDS), ("another", 1.0)])
def test_a_cursor_that_expired_or_belongs_to_another_key_says_so(key_id: str, seconds: float) -> None:
    pages = Pages[str]()
    token = pages.keep("the list", "key", 0.0)
    with pytest.raises(Problem, match="search again") as caught:
        pages.find(next_cursor(token, 20), key_id, seconds)
    assert caught.value.status == 410


@pytest.mark.parametrize("cursor", ["", "abc", ".5", "abc.", "abc.-1", "abc.٣", "a.999999999999"])
def test_a_cursor_that_nobody_made_is_a_bad_request(cursor: str) -> None:
    with pytest.raises(Problem) as caught:
        Pages[str]().find(cursor, "key", 0.0)
    assert (caught.value.status, caught.value.field) == (422, "cursor")

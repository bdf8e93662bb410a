"""Windows around candidates, by example and by property."""

from hypothesis import given
from hypothesis import strategies as st

from services.query.windows import HALVINGS, REACH_MS, Window, merge, narrowed, open_windows


def spans(windows: list[Window]) -> list[tuple[int, int]]:
    return [(window.first_ms, window.last_ms) for window in windows]


def test_the_best_windows_stay_whole_and_the_others_are_narrowed_around_their_candidates() -> None:
    windows = [Window(number, 1, 0, 20_000) for number in range(4)]
    assert narrowed(windows, 0) == windows
    assert spans(narrowed(windows, 1)) == [(0, 20_000), (0, 20_000), (5_000, 15_000), (5_000, 15_000)]
    assert spans(narrowed(windows, 2)) == [(0, 20_000), (7_500, 12_500), (7_500, 12_500), (7_500, 12_500)]
    assert spans(narrowed(windows, HALVINGS)) == [(10_000, 10_000)] * 4


@given(
    st.lists(st.tuples(st.integers(1, 3), st.just(1), st.integers(-30_000, 100_000)), min_size=1, max_size=40),
    st.integers(0, HALVINGS),
)
def test_however_narrow_the_windows_are_each_holds_its_candidate_and_nothing_that_it_did_not_hold(
    candidates: list[tuple[int, int, int]], halvings: int
) -> None:
    windows, _ = open_windows(candidates, [], 40, 40)
    near = narrowed(windows, halvings)
    for window, narrow in zip(windows, near, strict=True):
        assert narrow.holds(window.first_ms + REACH_MS)
        assert window.first_ms <= narrow.first_ms <= narrow.last_ms <= window.last_ms
    width = sum(last_ms - first_ms for first_ms, last_ms in spans(merge(near)))
    assert halvings == HALVINGS or width > 0
    assert width <= sum(last_ms - first_ms for first_ms, last_ms in spans(merge(windows)))

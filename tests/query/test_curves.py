"""What curves cost and how far they are read, by example."""

import numpy as np
import pytest

from services.query.curves import ROWS_BUDGET, Curve, Rows, lengthened, one_a_moment
from services.query.segments import Segment
from services.query.windows import Window
from tests.query.corpus import file_source

RECORDED_FPS = 2.0
GROWTH_MS = 30_000


def match_everywhere(window: Window, fps: float) -> Curve:
    """Return a curve of one segment that reaches both ends of its window, with `fps` rows a second."""
    t_ms = np.arange(window.first_ms, window.last_ms + 1, round(1000 / fps), dtype=np.int64)
    source = file_source(f"source-{window.source_no}", sample_fps=RECORDED_FPS)
    whole = Segment(window.first_ms - 1, window.last_ms + 1, 0)
    return Curve(source, t_ms, t_ms, t_ms < 0, np.ones(t_ms.size), [whole])


def read(source_no: int, count: int, fps: float = RECORDED_FPS) -> dict[Window, Curve]:
    """Return `count` windows of 20 s of a source and their curves."""
    windows = [Window(source_no, 1, start_ms, start_ms + 20_000) for start_ms in range(0, count * 1_000_000, 1_000_000)]
    return {window: match_everywhere(window, fps) for window in windows}


def test_all_windows_grow_where_the_budget_pays_for_it_however_dense_their_rows_lie() -> None:
    curves = read(1, 3) | read(2, 3, fps=20.0)
    assert lengthened(curves, GROWTH_MS) == [window.grown(left_ms=GROWTH_MS, right_ms=GROWTH_MS) for window in curves]


def test_rows_are_paid_for_as_they_were_seen_and_not_by_the_record() -> None:
    curves = read(1, 6, fps=25.0)
    assert 6 * 80 * RECORDED_FPS < ROWS_BUDGET < 6 * 80 * 25
    assert lengthened(curves, GROWTH_MS) == list(curves)


def test_a_source_whose_rows_lie_dense_does_not_keep_the_others_from_growing() -> None:
    sparse, dense = read(1, 3), read(2, 6, fps=25.0)
    assert lengthened(sparse | dense, GROWTH_MS) == [
        *(window.grown(left_ms=GROWTH_MS, right_ms=GROWTH_MS) for window in sparse), *dense,
    ]  # fmt: skip


def test_where_windows_as_dense_as_recorded_cost_too_much_none_grows() -> None:
    curves = read(1, 100)
    assert 100 * 80 * RECORDED_FPS > ROWS_BUDGET
    assert lengthened(curves, GROWTH_MS) == list(curves)


def test_windows_that_grow_together_become_one() -> None:
    windows = [Window(1, 1, 0, 20_000), Window(1, 1, 50_000, 70_000)]
    curves = {window: match_everywhere(window, RECORDED_FPS) for window in windows}
    assert lengthened(curves, GROWTH_MS) == [Window(1, 1, -30_000, 100_000)]


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_left_of_rows_knows_whether_all_came(whole: bool) -> None:
    ones = np.ones(2, np.int64)
    rows = one_a_moment(Rows(ones, ones, ones, ones, ones < 0, np.ones((2, 1), np.float32), whole))
    assert (rows.t_ms.size, rows.whole) == (1, whole)

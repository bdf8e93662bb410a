"""Which recorded segments count, and where each stops to."""

import pytest

from schemas.recordings import Segment
from services.query.media.stretches import Counted, counted, covering


def spans(pairs: list[tuple[int, int]]) -> list[tuple[int, int, int | None]]:
    return [(one.segment.start_ms, one.segment.run, one.until_ms) for one in counted(Segment(*pair) for pair in pairs)]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([], []),
        ([(0, 1)], [(0, 1, None)]),
        ([(60, 1), (0, 1)], [(0, 1, 60), (60, 1, None)]),
        ([(0, 1), (60, 1), (90, 2), (120, 1), (150, 2)], [(0, 1, 60), (60, 1, 90), (90, 2, 150), (150, 2, None)]),
        ([(0, 1), (0, 2)], [(0, 2, None)]),
        ([(0, 2), (0, 1)], [(0, 2, None)]),
        ([(0, 1), (5, 1), (5, 3), (5, 2), (6, 2)], [(0, 1, 5), (5, 3, None)]),
    ],
)
def test_the_larger_run_counts_from_its_start_on(
    segments: list[tuple[int, int]], expected: list[tuple[int, int, int | None]]
) -> None:
    assert spans(segments) == expected


def test_a_span_takes_what_may_reach_into_it_and_nothing_that_ends_or_begins_at_its_borders() -> None:
    segments = [Segment(start, 7) for start in (0, 60, 120)]
    assert [one.segment.start_ms for one in covering(segments, 60, 120)] == [60]
    assert [one.segment.start_ms for one in covering(segments, 59, 121)] == [0, 60, 120]
    assert covering(segments, 500, 600) == [Counted(Segment(120, 7), None, continues=True)]
    assert covering(segments, -10, 0) == []

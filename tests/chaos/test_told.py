"""Whether index events and rows are held against each other."""

import numpy as np

from schemas.identity import WHOLE_FRAME, row_key
from schemas.messages import RowWritten
from tests.chaos.told import gathered, untold, unwritten
from tests.comparison import Found, rest_of


def row(t_ms: int, captured_ms: int = 7, *, provisional: bool = False) -> Found:
    key = row_key("cam", 1, WHOLE_FRAME, t_ms, provisional=provisional)
    return Found(key, ("cam", 1, t_ms), t_ms, provisional, np.zeros(2, np.float32), captured_ms, 3, rest_of(key))


def telling(t_ms: int, captured_ms: int = 7, *, provisional: bool = False) -> RowWritten:
    return RowWritten(
        source_id="cam", life=1, part=WHOLE_FRAME, t_ms=t_ms, end_ms=t_ms, captured_ms=captured_ms, searchable_ms=9,
        provisional=provisional,
    )  # fmt: skip


def test_a_row_is_told_of_as_it_is_any_number_of_times() -> None:
    found = [row(1), row(2), row(3, provisional=True)]
    told = gathered([telling(1), telling(1), telling(2, 8), telling(2)])
    assert [*untold(found, told), *unwritten(found, told)] == []


def test_a_row_that_was_never_told_of_or_otherwise_than_it_is_differs() -> None:
    silent, other = untold([row(1), row(2)], gathered([telling(1, provisional=True), telling(2, 8)]))
    assert silent == "cam/1/f/1 is there, and no index event tells of it"
    assert other == "cam/1/f/2 ends at 2, captured at 7: index events tell [(2, 8)]"


def test_what_is_told_of_and_is_not_there_differs() -> None:
    told = gathered([telling(1), telling(2), telling(3, provisional=True)])
    assert list(unwritten([row(1)], told)) == ["index events tell of cam/1/f/2, which is not there"]

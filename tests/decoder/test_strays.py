"""A timestamp that alone lies elsewhere is left out; wraps, restarts, gaps and slow films are none."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from originals.timestamps import WRAPS, nearest, without_strays

WRAP = WRAPS["mpegts"]
FRAME = 3_600


def kept(pts: list[int | None]) -> list[int | None]:
    return list(without_strays(pts, lambda one: one, WRAP))


def steady(first: int, frames: int, step: int = FRAME) -> list[int | None]:
    return [(first + step * index) % WRAP for index in range(frames)]


@pytest.mark.parametrize("bit", range(17, 33))
@pytest.mark.parametrize("first", [0, (1 << 32) - 20_000, WRAP - 20_000, 0x155555555])
def test_a_flipped_bit_is_left_out_and_nothing_else(first: int, bit: int) -> None:
    pts = steady(first, 12)
    flipped = pts[5] or 0
    assert kept([*pts[:5], flipped ^ 1 << bit, *pts[6:]]) == [*pts[:5], *pts[6:]]


@pytest.mark.parametrize(
    "pts",
    [
        steady(0, 5),
        steady(WRAP - 9_000, 8),
        steady(900_000, 5) + steady(0, 5),
        steady(0, 5) + steady(90_000_000, 5),
        [*steady(900_000, 5), 0, FRAME, *steady(50_000_000, 3)],
        steady(0, 9, step=360_000),
        [*steady(0, 3), 90_000_000],
        [],
        [None, 0, None, FRAME],
    ],
    ids=["steady", "wrap", "restart", "gap", "short part", "slow", "end", "nothing", "none"],
)
def test_what_is_no_stray_is_kept(pts: list[int | None]) -> None:
    assert kept(pts) == pts


def test_what_has_no_timestamp_passes_one_that_is_held() -> None:
    assert kept([0, 90_000_000, None, FRAME]) == [0, None, FRAME]


def test_a_timestamp_is_moved_by_whole_rounds_to_where_another_is() -> None:
    assert [nearest(pts, 900_000, WRAP) for pts in (0, WRAP, 900_000 - 3 * WRAP)] == [0, 0, 900_000]
    assert [nearest(pts, WRAP - 1, WRAP) for pts in (0, WRAP - 2, -9_000)] == [WRAP, WRAP - 2, WRAP - 9_000]


@given(steps=st.lists(st.integers(1, 90_000), min_size=3, max_size=40), data=st.data())
def test_one_stray_among_any_frames_less_than_a_second_apart_is_found(steps: list[int], data: st.DataObject) -> None:
    pts: list[int | None] = [*accumulate(steps)]
    place = data.draw(st.integers(1, len(pts) - 2))
    around = pts[place - 1] or 0
    stray = (around + data.draw(st.integers(200_000, WRAP - 1))) % WRAP
    assert kept([*pts[:place], stray, *pts[place + 1 :]]) == [*pts[:place], *pts[place + 1 :]]

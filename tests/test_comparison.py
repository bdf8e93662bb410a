"""The comparison sees what is missing, wrong, twice or made up, and nothing else."""

from dataclasses import replace

import numpy as np

from tests.comparison import Expected, Found, compare, file_rows, orphans

ONES = np.ones(2, np.float32)
EXPECTED = file_rows("a", {0: ONES, 500: ONES})


def row(t_ms: int, vector: np.ndarray = ONES, *, provisional: bool = False) -> Found:
    key = f"a/1/f/{t_ms}" + ("/p" if provisional else "")
    return Found(key, ("a", 1, t_ms), t_ms, provisional, vector.astype(np.float32))


def test_the_rows_of_an_uninterrupted_run_are_no_difference() -> None:
    assert compare([row(0), row(500, ONES + 1e-7)], EXPECTED).lines() == []


def test_a_row_is_missing_wrong_twice_or_made_up() -> None:
    differences = compare([row(0, ONES * 0.9), row(0), row(7)], EXPECTED)
    assert differences.expected == 2
    assert differences.missing == ["a/1/f/500 is missing"]
    assert differences.wrong == ["a/1/f/0 is off by 0.1"]
    assert differences.twice == ["a/1/f/0 is there 2 times"]
    assert differences.extra == ["a/1/f/7 is no row of an uninterrupted run"]


def test_span_and_key_are_compared_as_the_vector_is() -> None:
    assert compare([replace(row(0), end_ms=9), row(500)], EXPECTED).wrong == ["a/1/f/0 spans 0 to 9, expected 0"]
    assert len(compare([replace(row(0), key="a/1/f/1"), row(500)], EXPECTED).lines()) == 2


def test_a_provisional_row_stands_for_no_final_one_and_is_none_too_many() -> None:
    found = [row(0), row(500), row(500, ONES * 0.5, provisional=True), row(900, provisional=True)]
    assert compare(found, EXPECTED).lines() == []
    assert orphans(found) == 1
    assert compare([row(0), row(500, provisional=True)], EXPECTED).missing == ["a/1/f/500 is missing"]


def test_a_moment_that_may_have_come_on_two_ways_is_right_in_both() -> None:
    either = {"a/1/f/0": Expected(0, (ONES, 2 * ONES))}
    assert compare([row(0, 2 * ONES)], either).lines() == compare([row(0)], either).lines() == []
    assert len(compare([row(0, 3 * ONES)], either).wrong) == 1

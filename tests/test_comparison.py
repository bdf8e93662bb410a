"""The comparison sees what is missing, wrong, twice or made up, and nothing else."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from pymilvus import MilvusClient

from schemas.identity import sample_hash, source_no
from schemas.limits import UNKNOWN_MS
from tests import comparison
from tests.comparison import Expected, Found, Rest, compare, file_rows, never_final, orphans, rest_of, stored_twice

ONES = np.ones(2, np.float32)
EXPECTED = file_rows("a", {0: ONES, 500: ONES})


def row(t_ms: int, vector: np.ndarray = ONES, *, provisional: bool = False) -> Found:
    key = f"a/1/f/{t_ms}" + ("/p" if provisional else "")
    return Found(key, ("a", 1, t_ms), t_ms, provisional, vector.astype(np.float32), UNKNOWN_MS, source_no("a"), rest_of(key))


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


def test_the_number_of_a_source_and_the_time_of_capture_are_compared() -> None:
    wrong = compare([replace(row(0), source_no=7), row(500)], EXPECTED).wrong
    assert wrong == ["a/1/f/0 has the number 7, which is another source's"]
    said = {"a/1/f/0": Expected(0, (ONES,), frozenset((0, 9)))}
    assert [compare([replace(row(0), captured_ms=at)], said).lines() for at in (0, 9)] == [[], []]
    assert compare([row(0)], said).wrong == ["a/1/f/0 was captured at -1, expected [0, 9]"]
    filmed = compare([replace(row(0), captured_ms=9), row(500)], EXPECTED).wrong
    assert filmed == ["a/1/f/0 was captured at 9, expected [-1]"], "of a file nobody has said"


@pytest.mark.parametrize(
    "rest", [("d", (), (), 5), ("f", (0.1, 0.1, 0.2, 0.2), (), 5), ("f", (), ("fire",), 5), ("f", (), (), 6)]
)
def test_what_else_a_row_says_is_compared(rest: Rest) -> None:
    hashed = sample_hash("a/1/f/0")
    made = (*rest[:3], hashed + rest[3] - 5)
    assert compare([replace(row(0), rest=("f", (), (), hashed)), row(500)], EXPECTED).lines() == []
    assert compare([replace(row(0), rest=made), row(500)], EXPECTED).wrong[0].startswith(f"a/1/f/0 says {made}")


@pytest.mark.parametrize("vectors", [(ONES,), (2 * ONES, ONES), (ONES, 2 * ONES)])
def test_what_is_no_number_is_wrong(vectors: tuple[np.ndarray, ...]) -> None:
    whole = {"a/1/f/0": Expected(0, vectors)}
    for vector in (ONES * np.nan, np.array([1, np.nan])):
        assert compare([row(0, vector)], whole).wrong == ["a/1/f/0 is off by nan"]


def test_a_provisional_row_stands_for_no_final_one_and_is_none_too_many() -> None:
    found = [row(0), row(500), row(500, ONES * 0.5, provisional=True), row(900, provisional=True)]
    assert compare(found, EXPECTED).lines() == []
    assert orphans(found) == 1
    assert compare([row(0), row(500, provisional=True)], EXPECTED).missing == ["a/1/f/500 is missing"]


def test_a_provisional_row_of_a_moment_that_gets_no_final_one_is_told_and_one_that_waits_for_the_sweep_is_not() -> None:
    found = [row(0), row(0, provisional=True), row(500, provisional=True), row(900, provisional=True)]
    told = ["a/1/f/900/p is provisional, of a moment that an uninterrupted run does not have"]
    assert never_final(found, EXPECTED) == told


def test_a_moment_that_may_have_come_on_two_ways_is_right_in_both() -> None:
    either = {"a/1/f/0": Expected(0, (ONES, 2 * ONES))}
    assert compare([row(0, 2 * ONES)], either).lines() == compare([row(0)], either).lines() == []
    assert len(compare([row(0, 3 * ONES)], either).wrong) == 1


class Milvus:
    """Stands for a client: gives a row of each key that is stored, and counts all. `sweeps` provisional rows go at each count."""

    def __init__(self, *keys: str, sweeps: int = 0) -> None:
        self._keys, self._sweeps = list(keys), sweeps
        self.counts = 0

    def query(self, _: str, *, output_fields: list[str], **wanted: Any) -> list[dict[str, Any]]:
        """Answer."""
        assert wanted["consistency_level"] == "Strong"
        assert wanted["filter"] == 'source_id == "a"'
        if output_fields == ["count(*)"]:
            for key in [key for key in self._keys if key.endswith("/p")][: self._sweeps]:
                self._keys.remove(key)
            self.counts += 1
            return [{"count(*)": len(self._keys)}]
        return [
            {
                "id": key, "source_id": "a", "life": 1, "t_ms": 0, "end_ms": 0, "provisional": key.endswith("/p"),
                "vector": [1.0], "captured_ms": 0, "source_no": 0, "part": "f", "box": [], "probes": [], "sample_hash": 0,
            }
            for key in dict.fromkeys(self._keys)
        ]  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "COUNT_AGAIN_SECONDS", 0.0)


def judged(milvus: Milvus) -> list[str]:
    client = cast("MilvusClient", milvus)
    return stored_twice(client, "a", comparison.rows_of(client, "a"))


@pytest.mark.usefixtures("quick")
def test_of_two_rows_with_one_key_a_read_shows_one_and_a_count_tells() -> None:
    assert judged(Milvus("a/1/f/0", "a/1/f/1")) == []
    assert judged(Milvus("a/1/f/0", "a/1/f/1", "a/1/f/1")) == ["a has 2 keys, and 3 rows are stored"]


@pytest.mark.usefixtures("quick")
def test_what_is_swept_between_a_read_and_a_count_is_read_again_before_it_counts() -> None:
    milvus = Milvus("a/1/f/0", *(f"a/1/f/{t_ms}/p" for t_ms in range(3)), sweeps=1)
    assert judged(milvus) == []
    assert milvus.counts == 4
    assert len(judged(endless := Milvus("a/1/f/0", *(f"a/1/f/{t_ms}/p" for t_ms in range(30)), sweeps=1))) == 1
    assert endless.counts == comparison.COUNTS

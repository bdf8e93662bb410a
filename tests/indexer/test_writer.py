"""Upserts that fail in between: of two values of a key the later one stands, and what is confirmed was written in order.

Rows of lives that are over are deleted between them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.collection import Row
from services.indexer import metrics as m
from services.indexer.core.entry import RowSample
from services.indexer.store import LIVES_AT_ONCE
from services.indexer.writer import BATCH_ROWS, Holding, Writer
from streaming.errors import Unavailable
from streaming.metrics import Metrics

HOLDING = Holding()
Answer = Literal["written", "refused", "written without an answer"]


class Unsteady:
    """A store that answers its first calls as it is told, then well. It checks that no value of a key goes back."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = iter(answers)
        self.values: dict[int, float] = {}

    def upsert(self, rows: Sequence[Row]) -> None:
        """Write rows, or raise `Unavailable`, or both."""
        answer = next(self._answers, "written")
        if answer != "refused":
            for row in rows:
                assert row.vector[0] >= self.values.get(row.t_ms, 0.0), f"an older value of {row.id} is written over a later one"
                self.values[row.t_ms] = row.vector[0]
        if answer != "written":
            raise Unavailable(answer)


class Clearing:
    """A store that keeps what it was asked to delete, and when to write, and does not answer as it is told."""

    def __init__(self, unanswered: Iterable[int] = ()) -> None:
        self.unanswered = set(unanswered)
        self.done: list[dict[str, int] | str] = []
        self.asked = 0

    def delete(self, through: Mapping[str, int]) -> int:
        """Delete, or raise `Unavailable`."""
        self.asked += 1
        if self.asked in self.unanswered:
            raise Unavailable("away")
        self.done.append(dict(through))
        return 0

    def upsert(self, _rows: Sequence[Row]) -> None:
        """Write."""
        self.done.append("written")


class Keeping:
    """A store that keeps rows, and is away when `which_of` is asked the first time."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.asked: list[Sequence[str]] = []

    def which_of(self, keys: Sequence[str]) -> set[str]:
        """Return those that have a row."""
        self.asked.append(keys)
        if len(self.asked) == 1:
            raise Unavailable("away")
        return self.values.keys() & set(keys)

    def upsert(self, rows: Sequence[Row]) -> None:
        """Write."""
        assert rows
        self.values |= {row.id: float(row.vector[0]) for row in rows}


def samples(times_ms: Iterable[int], value: float, *, provisional: bool = False) -> list[RowSample]:
    return [RowSample("cam", "cam", 1, t_ms, -1, np.array([value], np.float32), provisional) for t_ms in times_ms]


def replayed(times_ms: Iterable[int], value: float) -> list[RowSample]:
    return [replace(sample, replayed=True) for sample in samples(times_ms, value)]


def writer_to(store: object, is_sure: Callable[[], bool] = lambda: True) -> Writer:
    return Writer(cast("Any", store), Metrics(m.METRICS), seal_rows=1 << 40, is_sure=is_sure)


def confirm_all(writer: Writer) -> list[RowSample]:
    """Return what is confirmed by the first call that succeeds."""
    while True:
        try:
            return [sample for confirmed in writer.confirm() for sample in confirmed.samples]
        except Unavailable:
            continue


def test_a_batch_that_is_sent_again_does_not_overtake_the_one_behind_it() -> None:
    store = Unsteady(["refused"])
    writer = writer_to(store)
    earlier, later = samples(range(BATCH_ROWS), 1.0), samples(range(BATCH_ROWS), 2.0)
    writer.write(earlier, HOLDING)
    writer.write(later, HOLDING)
    with pytest.raises(Unavailable, match="refused"):
        writer.confirm()
    assert confirm_all(writer) == earlier + later
    assert set(store.values.values()) == {2.0}
    writer.close()


@given(
    st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=8),
    st.lists(st.sampled_from(["written", "refused", "written without an answer"]), max_size=12),
)
def test_the_last_value_of_every_key_stands_however_often_milvus_fails(moments: list[set[int]], answers: list[Answer]) -> None:
    store = Unsteady(answers)
    writer = writer_to(store)
    written: list[RowSample] = []
    confirmed: list[RowSample] = []
    for number, times_ms in enumerate(moments):
        written += samples(sorted(times_ms), float(number))
        writer.write(samples(sorted(times_ms), float(number)), HOLDING)
        try:
            confirmed += [sample for one in writer.confirm() for sample in one.samples]
        except Unavailable:
            continue  # the next batch is sent behind this one
        assert store.values == {sample.t_ms: sample.vector[0] for sample in written}
    confirmed += confirm_all(writer)
    assert [(one.t_ms, one.vector[0]) for one in confirmed] == [(one.t_ms, one.vector[0]) for one in written]
    assert store.values == {sample.t_ms: sample.vector[0] for sample in written}
    writer.close()


def test_provisional_rows_that_are_given_up_do_not_hold_up_what_comes_after_them() -> None:
    store = Unsteady(["refused"])
    writer = writer_to(store)
    writer.show(samples([1], 1.0, provisional=True), HOLDING)
    assert confirm_all(writer) == []
    final = samples([1], 2.0)
    writer.write(final, HOLDING)
    assert [confirmed.samples for confirmed in writer.confirm()] == [final]
    writer.close()


def test_of_a_partition_that_was_taken_nothing_is_sent_again_over_what_its_next_owner_writes() -> None:
    store = Unsteady(["refused"])
    writer, taken = writer_to(store), Holding()
    writer.write(samples([1], 1.0), taken)
    kept = samples([2], 1.0)
    writer.write(kept, HOLDING)
    with pytest.raises(Unavailable):
        writer.confirm()
    taken.is_over = True
    next_owner = writer_to(store)
    next_owner.write(samples([1], 2.0), Holding())
    next_owner.confirm()
    assert confirm_all(writer)[-1:] == kept
    assert store.values == {1: 2.0, 2: 1.0}
    writer.close()
    next_owner.close()


def test_a_process_that_stood_still_writes_nothing_before_it_knows_what_it_still_holds() -> None:
    store, is_sure, holding = Unsteady([]), True, Holding()
    writer = writer_to(store, lambda: is_sure)
    is_sure = False
    writer.write(samples([1], 1.0), holding)
    writer.write(samples([2], 1.0), HOLDING)
    with pytest.raises(Unavailable, match="stood still"):
        writer.confirm()
    assert store.values == {}
    holding.is_over, is_sure = True, True
    confirm_all(writer)
    assert store.values == {2: 1.0}
    writer.close()


def delete_all(writer: Writer, most_turns: int) -> None:
    """Go on until nothing is left to be deleted now."""
    for _ in range(most_turns):
        writer.delete_some()
        if writer._deleting is None:
            return
        writer._deleting.result()
    pytest.fail(f"not done after {most_turns} turns")


def test_a_row_does_not_wait_until_all_lives_that_are_over_are_deleted() -> None:
    store = Clearing()
    writer = writer_to(store)
    writer.remove({f"file-{n}": n for n in range(1, 151)})
    writer.delete_some()
    writer.write(samples([1], 1.0), HOLDING)
    writer.confirm()
    assert store.done[1:] == ["written"]
    delete_all(writer, 20)
    assert store.asked == -(-150 // LIVES_AT_ONCE)
    writer.close()


def test_what_was_deleted_before_milvus_went_away_is_not_deleted_again() -> None:
    store = Clearing(unanswered=[2])
    writer = writer_to(store)
    over = {f"file-{n}": n for n in range(1, 151)}
    writer.remove(over)
    delete_all(writer, 20)
    deleted = [source_id for one in store.done if isinstance(one, dict) for source_id in one]
    assert sorted(deleted) == sorted(over)
    writer.close()


def test_a_life_that_ends_while_the_one_before_is_deleted_is_deleted_too() -> None:
    store = Clearing()
    writer = writer_to(store)
    writer.remove({"a": 1})
    writer.delete_some()
    writer.remove({"a": 2})
    delete_all(writer, 3)
    assert store.done == [{"a": 1}, {"a": 2}]
    writer.close()


def test_what_is_replayed_gets_a_row_where_its_moment_has_none() -> None:
    store = Keeping()
    writer = writer_to(store)
    for batch in (
        samples([0], 1.0),
        [*replayed([0, 1], 2.0), *samples([2], 3.0), *replayed([2], 4.0), *replayed([3], 5.0), *samples([3], 6.0)],
        [*replayed([1, 3], 7.0), *replayed([4], 8.0), *replayed([4], 9.0)],
    ):
        writer.write(batch, HOLDING)
        assert len(confirm_all(writer)) == len(batch)
    writer.close()
    assert store.values == {"cam/1/f/0": 1.0, "cam/1/f/1": 2.0, "cam/1/f/2": 3.0, "cam/1/f/3": 6.0, "cam/1/f/4": 8.0}
    assert store.asked[1] == ["cam/1/f/0", "cam/1/f/1"], "nobody is asked of what is not replayed"

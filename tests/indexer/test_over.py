"""Rows of a life that is over are deleted at once and once more, and nothing of it is written."""

import numpy as np

from services.indexer.core.entry import RowSample
from services.indexer.over import AGAIN_SECONDS, Over


def sample(source_id: str, life: int) -> RowSample:
    return RowSample(source_id, source_id, life, 0, 0, np.ones(8, np.float32))


def test_nothing_of_a_life_that_is_over_is_written() -> None:
    over = Over()
    over.note({"a": 2}, 0.0)
    covered = [over.covers(one) for one in (sample("a", 1), sample("a", 2), sample("a", 3), sample("b", 1))]
    assert covered == [True, True, False, False]


def test_rows_are_deleted_at_once_and_once_more_for_what_was_on_its_way() -> None:
    over = Over()
    over.note({"a": 1}, 0.0)
    over.note({"a": 1}, 1.0)
    assert over.to_delete(1.0) == {"a": 1}
    over.deleted({"a": 1})
    assert over.to_delete(AGAIN_SECONDS - 0.1) == {}
    assert over.to_delete(AGAIN_SECONDS) == {"a": 1}
    over.deleted({"a": 1})
    assert over.to_delete(1e9) == {}


def test_a_life_that_ends_while_the_one_before_is_deleted_is_deleted_too() -> None:
    over = Over()
    over.note({"a": 1, "b": 1}, 0.0)
    deleting = over.to_delete(0.0)
    over.note({"a": 2}, 1.0)
    over.deleted(deleting)
    assert over.to_delete(2.0) == {"a": 2}
    over.deleted({"a": 2})
    assert over.to_delete(AGAIN_SECONDS) == {"a": 2, "b": 1}


def test_what_milvus_did_not_confirm_stays_to_be_deleted() -> None:
    over = Over()
    over.note({"a": 1}, 0.0)
    assert over.to_delete(0.0) == over.to_delete(5.0) == {"a": 1}

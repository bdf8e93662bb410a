"""Nothing is written to a collection whose alias has gone, and nothing committed."""

import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from services.indexer.allegiance import LOOK_SECONDS, Allegiance
from services.indexer.core.entry import RowSample
from services.indexer.core.settings import Smoothing
from services.indexer.metrics import METRICS
from services.indexer.stage import IndexStage
from services.indexer.writer import Holding
from streaming.errors import Stopped, Unavailable
from streaming.metrics import Metrics
from streaming.records import Partition, Record
from streaming.stage import Start
from tests.indexer.made_logs import SPACE, record, unit

PLACE = Partition("embeddings-bulk", 3)
VECTOR = unit(np.random.default_rng(1))


class Aliased:
    """A store whose alias names what it is told to; None of it answers while that is an error."""

    collection = "old"

    def __init__(self, named: str | Unavailable | None) -> None:
        self.names = named

    def named(self) -> str | None:
        if isinstance(self.names, Unavailable):
            raise self.names
        return self.names


class Taken:
    """An intake whose records are all samples without a run, and a writer that keeps what it is handed."""

    full = False

    def __init__(self) -> None:
        self.rows: list[RowSample] = []

    def next_batch(self) -> None:
        pass

    def read(self, one: Record) -> Any:
        made = record("push", one.offset, VECTOR)
        return type(made)(one.offset, 0, made.headers, 1, closes_when_quiet=True, done=False, vector=VECTOR)

    def write(self, samples: Sequence[RowSample], _holding: Holding) -> None:
        self.rows += samples

    show = write

    def confirm(self) -> list[Any]:
        return []


def allegiance(store: Aliased) -> Allegiance:
    return Allegiance(cast("Any", store))


def stage_of(store: Aliased) -> tuple[IndexStage, Taken]:
    taken = cast("Any", Taken())
    metrics = Metrics(METRICS)
    check = allegiance(store).check
    return IndexStage([PLACE.topic], SPACE, Smoothing(), taken, taken, taken, taken, metrics, (), check), taken


def records(*offsets: int) -> list[Record]:
    return [Record(PLACE, offset, b"push", b"", (), 0) for offset in offsets]


@pytest.mark.parametrize("named", ["old", None])
def test_what_has_the_alias_or_is_the_first_to_get_it_is_written(named: str | None) -> None:
    stage, taken = stage_of(Aliased(named))
    stage.assigned(Start(PLACE, 7, resumed=True))
    stage.process(records(7, 8))
    stage.step()
    assert [row.t_ms for row in taken.rows] == [7, 8]


def test_partitions_that_are_given_after_the_alias_has_gone_are_neither_written_nor_committed() -> None:
    store = Aliased("old")
    stage, taken = stage_of(store)
    stage.assigned(Start(PLACE, 5, resumed=True))
    stage.process(records(5, 6))
    stage.step()
    stage.revoked(PLACE)
    store.names = "new"
    stage.assigned(Start(PLACE, 2, resumed=True))
    stage.process(records(2, 3))
    with pytest.raises(Stopped):
        stage.step()
    stage.settle()
    assert [row.t_ms for row in taken.rows] == [5, 6]
    assert stage.reached(PLACE).safe_offset == 2


def test_while_milvus_does_not_say_where_the_alias_is_records_wait() -> None:
    store = Aliased(Unavailable("away"))
    stage, taken = stage_of(store)
    stage.assigned(Start(PLACE, 7, resumed=True))
    stage.process(records(7, 8))
    for _ in range(2):
        with pytest.raises(Unavailable):
            stage.step()
    stage.settle()
    assert (taken.rows, stage.reached(PLACE).safe_offset) == ([], 7)
    store.names = "old"
    stage.step()
    assert [row.t_ms for row in taken.rows] == [7, 8]


def test_an_alias_that_goes_later_is_noticed_too() -> None:
    one = allegiance(Aliased("new"))
    with pytest.raises(Stopped):
        followed(one)
    one.close()


def followed(one: Allegiance) -> None:
    """Follow for longer than it takes to look twice."""
    for _ in range(int(2 * LOOK_SECONDS / 0.05)):
        one.follow()
        time.sleep(0.05)

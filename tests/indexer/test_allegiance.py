"""Nothing is written to a collection whose alias has gone, and nothing committed; one that is gone itself is not waited for."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import pytest

from services.indexer import allegiance as module
from services.indexer.allegiance import GONE_LOOKS, Allegiance
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
from tests.indexer.test_store_lost import Server, store_on

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

    def load_again(self) -> None:
        """Have it loaded."""


class Unnamed(Aliased):
    """A store whose collection has no alias, and which says at each look whether it is there."""

    def __init__(self, answers: Iterable[bool | Unavailable]) -> None:
        super().__init__(None)
        self.answers = iter(answers)

    def is_there(self) -> bool:
        answer = next(self.answers, True)
        if isinstance(answer, Unavailable):
            raise answer
        return answer


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


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass between looks."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)


def allegiance(store: object) -> Allegiance:
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
        follow(one, looks=1)
    one.close()


def test_an_alias_that_has_gone_is_noticed_when_the_own_collection_was_dropped_before() -> None:
    store = store_on(Server("new", alias="new"))
    with pytest.raises(Unavailable, match="collection not found"):
        store.upsert([])
    one = allegiance(store)
    with pytest.raises(Stopped):
        follow(one, looks=1)
    with pytest.raises(Stopped):
        one.check()
    one.close()


def test_who_has_lost_its_collection_where_milvus_was_emptied_ends_when_several_looks_have_said_so() -> None:
    one = allegiance(store_on(Server()))
    follow(one, looks=GONE_LOOKS - 1)
    with pytest.raises(Stopped):
        follow(one, looks=0)
    one.close()


@pytest.mark.parametrize("between", [True, Unavailable("service not ready")])
def test_a_collection_that_is_not_found_now_and_then_is_not_gone(between: bool | Unavailable) -> None:
    gone = [False] * (GONE_LOOKS - 1)
    store = Unnamed([*gone, between, *gone, between])
    one = allegiance(store)
    follow(one, looks=2 * GONE_LOOKS)
    assert list(store.answers) == []
    one.close()


def test_a_restarted_milvus_loads_the_collection_again_also_when_there_is_nothing_to_write() -> None:
    server = Server("own", alias="own")
    one = allegiance(store_on(server))
    server.restart()
    follow(one, looks=1)
    server.ready = True
    follow(one, looks=1)
    assert server.loaded == {"own"}
    one.close()


def follow(one: Allegiance, looks: int) -> None:
    """Follow until so many looks were judged, and the one before them, if one was left."""
    for _ in range(looks + 1):
        while one._look is not None and not one._look.done():
            time.sleep(0.001)
        one.follow()

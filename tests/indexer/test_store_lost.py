"""What a store does when its collection or its server is gone, and what its expressions say, on a stand-in for the client.

It answers with Milvus's codes; that Milvus itself does is shown in `test_store`.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymilvus import MilvusException

from schemas.collection import ALIAS, CollectionSettings
from services.indexer.rows import source_no
from services.indexer.store import LIVES_AT_ONCE, SOURCES_AT_ONCE, Store, some_of
from streaming.errors import Unavailable

NOT_READY, NOT_FOUND, NOT_LOADED = 1, 100, 101
SETTINGS = CollectionSettings(space="lost@00000000", sigma_seconds=1.0, cut_memory=8, cut_fixed_threshold=0.3, cut_deviations=6.0)
Life = tuple[str, int]


class Server:
    """A Milvus as its client shows it: collections, those that are loaded, the alias, and rows that are a source and a life."""

    def __init__(self, *collections: str, alias: str | None = None) -> None:
        self.collections, self.loaded = set(collections), set(collections)
        self.alias = alias
        self.ready = True
        self.rows: list[Life] = []
        self.expressions: list[str] = []

    def restart(self) -> None:
        """Begin to start: nothing is loaded then."""
        self.ready = False
        self.loaded = set()

    def has_collection(self, name: str, **_: Any) -> bool:
        """Say whether it is there."""
        return self._answers(name) and name in self.collections

    def describe_collection(self, name: str, **_: Any) -> dict[str, Any]:
        """Describe a collection, or the one that has the alias."""
        name = (self.alias or "") if self._answers(name) and name == ALIAS else name
        self._find(name)
        return {"collection_name": name, "description": msgspec.json.encode(SETTINGS).decode()}

    def load_collection(self, name: str, **_: Any) -> None:
        """Load it."""
        self._find(name)
        self.loaded.add(name)

    def upsert(self, name: str, _rows: Any, **_: Any) -> None:
        """Take rows, as a collection that is not loaded does too."""
        self._find(name)

    def query(self, name: str, **wanted: Any) -> list[dict[str, int]]:
        """Count rows."""
        self._find(name)
        if name not in self.loaded:
            raise MilvusException(NOT_LOADED, "collection not loaded")
        self.expressions.append(wanted["filter"])
        return [{"count(*)": sum(matches(one, wanted["filter"]) for one in self.rows)}]

    def delete(self, name: str, **wanted: Any) -> None:
        """Delete rows."""
        self._find(name)
        self.rows = [one for one in self.rows if not matches(one, wanted["filter"])]

    def _find(self, name: str) -> None:
        if self._answers(name) and name not in self.collections:
            raise MilvusException(NOT_FOUND, f"collection not found[collection={name}]")

    def _answers(self, name: str) -> bool:
        if not self.ready:
            raise MilvusException(NOT_READY, f"service not ready: asked for {name}")
        return True


def matches(row: Life, expression: str) -> bool:
    """Judge a row; what we say to Milvus means the same in Python."""
    source_id, life = row
    return bool(eval(expression, {"source_no": source_no(source_id), "source_id": source_id, "life": life}))


def store_on(server: Server, collection: str = "own") -> Store:
    """Return a store that is connected."""
    store = Store("http://nowhere", SETTINGS, 8, collection=collection)
    store._client = cast("Any", server)
    return store


def test_where_the_alias_is_can_be_asked_when_the_own_collection_is_gone() -> None:
    server = Server("new", alias="new")
    store = store_on(server)
    with pytest.raises(Unavailable, match="collection not found"):
        store.upsert([])
    assert store.named() == "new"
    server.alias = None
    assert (store.named(), store.is_there()) == (None, False)


def test_rows_of_a_collection_that_is_gone_are_refused_for_now_each_time() -> None:
    store = store_on(Server())
    for _ in range(3):
        with pytest.raises(Unavailable, match="collection not found"):
            store.upsert([])


def test_a_server_that_starts_says_nothing_of_a_collection() -> None:
    server = Server("own", alias="own")
    store = store_on(server)
    server.restart()
    for ask in (store.named, store.is_there):
        with pytest.raises(Unavailable, match="service not ready"):
            ask()
    server.ready = True
    assert (store.named(), store.is_there()) == ("own", True)


def test_a_restarted_server_loads_the_collection_before_its_rows_are_used_whatever_else_was_asked_before() -> None:
    server = Server("own", alias="own")
    store = store_on(server)
    server.restart()
    with pytest.raises(Unavailable):
        store.upsert([])
    server.ready = True
    assert store.named() == "own"
    store.upsert([])
    assert server.loaded == {"own"}


@given(st.dictionaries(st.sampled_from([f"source-{n}" for n in range(60)]), st.integers(1, 60)))
def test_of_each_source_the_lives_up_to_its_own_are_deleted_and_no_other(through: Mapping[str, int]) -> None:
    server = Server("own")
    kept = [(source_id, life + 1) for source_id, life in through.items()] + [("another", 1)]
    server.rows = [(source_id, old) for source_id, life in through.items() for old in {1, life}] + kept
    over = len(server.rows) - len(kept)
    assert store_on(server).delete(through) == over
    assert server.rows == kept
    assert all(expression.count(" or ") < LIVES_AT_ONCE for expression in server.expressions)


def test_sources_of_many_lives_are_told_of_by_few_reads() -> None:
    server = Server("own")
    store_on(server).delete({f"file-{n}": n for n in range(1, 151)})
    assert len(server.expressions) == -(-150 // LIVES_AT_ONCE)


@given(st.dictionaries(st.integers(0, 2000), st.integers(1, 40), max_size=1200))
def test_some_are_taken_until_none_are_left(numbers: Mapping[int, int]) -> None:
    left = {f"source-{number}": life for number, life in numbers.items()}
    while some := some_of(left):
        assert some.items() <= left.items()
        assert len(some) <= SOURCES_AT_ONCE
        assert len(set(some.values())) <= LIVES_AT_ONCE
        left = {source_id: life for source_id, life in left.items() if source_id not in some}
    assert not left

"""The store's contract, on a real Milvus."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from pymilvus import MilvusClient

from schemas.collection import ALIAS, FIELDS, CollectionSettings, Row, rebuilt_name
from services.indexer.core.entry import RowSample
from services.indexer.rows import row_of
from services.indexer.store import LIVES_AT_ONCE, SOURCES_AT_ONCE, Store, WrongCollection, some_of
from streaming.errors import Unavailable
from tests.indexer.made_logs import unit

DIMENSION = 8


def settings_of(space: str, sigma_seconds: float = 1.0) -> CollectionSettings:
    return CollectionSettings(space=space, sigma_seconds=sigma_seconds, cut_memory=8, cut_fixed_threshold=0.3, cut_deviations=6.0)


@dataclass
class Place:
    """A Milvus and the collections that a test makes there."""

    address: str
    made: list[str]

    def store(self, space: str = "", sigma_seconds: float = 1.0) -> Store:
        space = space or f"store-{uuid.uuid4().hex[:8]}@00000000"
        store = Store(self.address, settings_of(space, sigma_seconds), DIMENSION)
        self.made.append(store.collection)
        return store


@pytest.fixture
def client(milvus: str) -> Iterator[MilvusClient]:
    made = MilvusClient(uri=milvus)
    yield made
    made.close()


@pytest.fixture(scope="module")
def store(milvus: str) -> Iterator[Store]:
    """Give one prepared collection to all tests that keep to sources of their own."""
    made = Store(milvus, settings_of(f"shared-{uuid.uuid4().hex[:8]}@00000000"), DIMENSION)
    made.prepare()
    yield made
    made.close()
    client = MilvusClient(uri=milvus)
    client.drop_collection(made.collection)
    client.close()


@pytest.fixture
def place(milvus: str, client: MilvusClient) -> Iterator[Place]:
    made = Place(milvus, [])
    yield made
    for collection in set(made.made):
        client.drop_collection(collection)


def row(source_id: str, t_ms: int, life: int = 1, seed: int = 0) -> Row:
    return row_of(RowSample(source_id, source_id, life, t_ms, -1, unit(np.random.default_rng(seed), noise=1.0).astype("f4")))


def test_a_collection_is_made_once_as_the_schema_says_with_its_settings_in_its_description(
    place: Place, client: MilvusClient
) -> None:
    store = place.store("twice@00000000")
    for _ in range(2):
        store.prepare()
    described = client.describe_collection(store.collection)
    assert [field["name"] for field in described["fields"]] == [field.name for field in FIELDS]
    assert msgspec.json.decode(described["description"], type=CollectionSettings) == settings_of("twice@00000000")
    assert {"vector", "source_no", "t_ms", "captured_ms"} <= set(client.list_indexes(store.collection))


def test_an_indexer_that_is_set_otherwise_refuses_the_collection_and_names_the_rebuild(place: Place) -> None:
    place.store("refused@00000000").prepare()
    way = r"leave the indexers running with that one, run python -m services\.indexer\.rebuild with the new one"
    with pytest.raises(WrongCollection, match=rf"sigma_seconds=1\.0.*sigma_seconds=2\.0.*{way}"):
        place.store("refused@00000000", sigma_seconds=2.0).prepare()


def test_every_field_of_a_row_comes_back_as_it_was_written(store: Store, client: MilvusClient) -> None:
    written = row("whole", 5)
    store.upsert([written])
    names = [field.name for field in FIELDS]
    read = client.query(store.collection, filter='source_id == "whole"', output_fields=names, consistency_level="Strong")[0]
    assert {name: read[name] for name in names if name not in ("vector", "box", "probes")} == {
        name: getattr(written, name) for name in names if name not in ("vector", "box", "probes")
    }
    assert list(read["box"]) == list(read["probes"]) == []
    assert np.allclose(read["vector"], written.vector, atol=1e-7)


def test_a_key_that_is_written_again_is_one_row_with_the_last_value(store: Store, client: MilvusClient) -> None:
    for seed in range(3):
        store.upsert([row("again", 5, seed=seed)])
    assert store.count('source_id == "again"') == 1
    read = client.query(store.collection, filter='source_id == "again"', output_fields=["vector"], consistency_level="Strong")
    assert np.allclose(read[0]["vector"], row("again", 5, seed=2).vector, atol=1e-7)


def test_of_some_keys_those_are_named_that_have_a_row(store: Store) -> None:
    written = [row('with "quotes"', 1), row("plain", 2)]
    store.upsert(written)
    assert store.which_of([written[0].id, written[1].id, "plain/1/f/3"]) == {one.id for one in written}


def test_a_life_is_deleted_until_nothing_is_left_and_nothing_else_is(store: Store) -> None:
    store.upsert([row(source, t, life) for source in ("a", "b") for life in (1, 2) for t in range(300)])
    assert store.delete({"a": 1}) == 300
    assert store.delete({"a": 1}) == 0
    assert store.count('source_id == "a" and life == 2') == 300
    assert store.count('source_id == "b"') == 600
    assert store.delete({"a": 2, "b": 1}) == 600
    assert store.delete({"a": 2, "b": 2}) == 300


def test_milvus_takes_an_expression_of_as_many_sources_and_lives_as_one_may_name(store: Store) -> None:
    through = {f"file-{n}": 1 + n % LIVES_AT_ONCE for n in range(SOURCES_AT_ONCE)}
    assert some_of(through) == through
    store.upsert([row(source_id, 5, life) for source_id, last in through.items() for life in (last, last + 1)])
    assert store.delete(through) == SOURCES_AT_ONCE
    assert store.delete(dict.fromkeys(through, LIVES_AT_ONCE + 1)) == SOURCES_AT_ONCE


def provisional(source_id: str, t_ms: int, captured_ms: int) -> Row:
    return row_of(RowSample(source_id, source_id, 1, t_ms, captured_ms, unit(np.random.default_rng(t_ms)), provisional=True))


def test_provisional_rows_go_by_their_keys_by_their_age_and_with_their_life(store: Store) -> None:
    store.upsert([row("camera", t) for t in range(4)])
    store.upsert([provisional("camera", t, captured_ms=1000 * t) for t in range(10)])
    store.delete_keys(["camera/1/f/9/p", "camera/1/f/99/p"])
    assert store.count('source_id == "camera" and provisional == true') == 9
    assert store.delete_provisional(4000) == 4
    assert store.count('source_id == "camera" and provisional == true') == 5
    assert store.delete_provisional(4000) == 0
    assert store.count('source_id == "camera" and provisional == false') == 4
    assert store.delete({"camera": 1}) == 9


def test_rows_older_than_a_moment_go_of_the_sources_named_alone(store: Store) -> None:
    store.upsert([row(source, t) for source in ("old", "older") for t in range(10)])
    store.upsert([row("old", t, life=2) for t in range(3)])
    assert store.delete_older(["old"], 1, 4) == 4
    assert store.delete_older(["old"], 1, 4) == 0
    assert store.count('source_id == "old" and life == 2') == 3, "the next life may be that of a file"
    assert store.count('source_id == "old" and t_ms >= 4') == 6
    assert store.count('source_id == "older"') == 10


def test_the_alias_is_taken_when_it_is_free_and_left_alone_when_it_is_not(place: Place, client: MilvusClient) -> None:
    client.drop_alias(ALIAS)
    first, second = place.store(), place.store()
    first.prepare()
    second.prepare()
    assert client.describe_alias(ALIAS)["collection_name"] == first.collection
    client.drop_alias(ALIAS)


def test_a_collection_with_a_name_of_its_own_is_not_searched_before_it_takes_the_name(place: Place, client: MilvusClient) -> None:
    client.drop_alias(ALIAS)
    settings = settings_of(f"named-{uuid.uuid4().hex[:8]}@00000000")
    name = rebuilt_name(settings.space, 1)
    place.made.append(name)
    store = Store(place.address, settings, DIMENSION, collection=name)
    store.prepare()
    assert store.named() is None
    store.take_name()
    assert store.named() == name
    store.close()
    client.drop_alias(ALIAS)


def test_the_alias_of_a_dropped_collection_is_taken_over(place: Place, client: MilvusClient) -> None:
    client.drop_alias(ALIAS)
    first, second = place.store(), place.store()
    first.prepare()
    client.drop_collection(first.collection)
    second.prepare()
    assert client.describe_alias(ALIAS)["collection_name"] == second.collection
    client.drop_alias(ALIAS)


def test_a_collection_that_was_dropped_is_told_to_be_gone_and_where_the_alias_is_can_be_asked(
    place: Place, client: MilvusClient
) -> None:
    client.drop_alias(ALIAS)
    store = place.store("dropped@00000000")
    store.prepare()
    assert (store.named(), store.is_there()) == (store.collection, True)
    client.drop_collection(store.collection)
    for _ in range(2):
        with pytest.raises(Unavailable, match="does not answer"):
            store.upsert([row("dropped", 5)])
    assert (store.named(), store.is_there()) == (None, False)
    filled = Store(place.address, settings_of("dropped@00000000"), DIMENSION, collection=rebuilt_name("dropped@00000000", 1))
    place.made.append(filled.collection)
    filled.prepare()
    filled.take_name()
    assert store.named() == filled.collection
    store.close()
    filled.close()
    client.drop_alias(ALIAS)


def test_sealed_rows_are_all_still_found(store: Store) -> None:
    store.upsert([row("sealed", t, seed=t) for t in range(1500)])
    store.seal()
    assert store.count('source_id == "sealed"') == 1500


def test_a_server_that_does_not_answer_is_unavailable_and_not_a_wait_without_end() -> None:
    store = Store("http://127.0.0.1:9", settings_of("away@00000000"), DIMENSION, timeout_seconds=0.5)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 does not answer"):
        store.prepare()

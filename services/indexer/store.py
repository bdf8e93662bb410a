"""Milvus, for writing. The only place in this service that knows pymilvus."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import grpc  # type: ignore[import-untyped]
import msgspec
from pymilvus import DataType, MilvusClient, MilvusException
from pymilvus.exceptions import DataNotMatchException, ParamError

from schemas.collection import ALIAS, FIELDS, VECTOR_INDEX, CollectionSettings, Field, Row, collection_name
from services.indexer.rows import source_no
from streaming.errors import Unavailable
from streaming.logs import get_logger

T = TypeVar("T")
Consistency = Literal["Strong", "Bounded"]

TIMEOUT_SECONDS: Final = 10.0
SLOW_SECONDS: Final = 60.0
"""For loading, building an index and sealing: seconds of work, not of waiting."""
SOURCES_AT_ONCE: Final = 500
LIVES_AT_ONCE: Final = 20
"""What one expression may name. Of more than 49 parts joined by `or` Milvus 2.3.5 can make nothing."""
SWEPT_AT_ONCE: Final = 5000
NO_ALIAS: Final = 1600
NOT_THERE: Final = (100, NO_ALIAS)
REFUSED: Final = range(1100, 1200)
"""Codes of requests that no waiting makes right: a fault of this program, as is what pymilvus refuses before it sends it."""

log = get_logger("store")


class WrongCollection(ValueError):  # noqa: N818  what it is
    """The collection's rows were made with other settings than this indexer's."""


class Store:
    """The collection of one embedding space on a server at `http(s)://host:port` or `unix:/path`.

    Every call ends within its timeout and raises `Unavailable` while the server does not answer. A server that was restarted is
    connected to again, and the collection loaded again before its rows are read or written. Without a name it is the one of the
    space that has the alias, else the first.
    """

    def __init__(
        self,
        address: str,
        settings: CollectionSettings,
        dimension: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        *,
        collection: str | None = None,
    ) -> None:
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it prints a stack trace of what we raise in one line
        self._follows_alias = collection is None
        self.collection = collection or collection_name(settings.space)
        self._address, self._settings, self._dimension = address, settings, dimension
        self._timeout_seconds = timeout_seconds
        self._client: MilvusClient | None = None
        self._failed = False

    def prepare(self) -> None:
        """Create the collection and its indexes where they are missing, and load it.

        It gets the alias where none has it, but for one with a name of its own, which takes that when it is filled.

        Raises `WrongCollection` when it was made with other settings.
        """
        if self._follows_alias:
            self.collection = self.named() or self.collection
        if not self.is_there():
            self._call(self._create)
        self._check()
        self._call(self._index)
        if self._follows_alias:
            self._call(self._name)
        self._call(self._load)
        self._failed = False

    def named(self) -> str | None:
        """Return the collection that has the alias; None where there is none, or one of another space."""
        described = self._call(self._describe_alias)
        return None if described is None or not self._is_of_space(described) else str(described["collection_name"])

    def is_there(self) -> bool:
        """Return whether this collection exists: only what Milvus itself says, which it does not while it starts."""
        return self._call(lambda client: bool(client.has_collection(self.collection, timeout=self._timeout_seconds)))

    def load_again(self) -> None:
        """Load the collection where a call has failed since it was loaded: it is searched also when nothing is written."""
        self._on_loaded(lambda _: None)

    def take_name(self) -> None:
        """Give the alias to this collection: from now on it is searched, and indexers that start write to it."""
        self._call(self._take_alias)

    def others(self) -> list[str]:
        """Return the collections of this space but this one."""
        names = self._call(lambda client: client.list_collections(timeout=self._timeout_seconds))
        first = collection_name(self._settings.space)
        return sorted(name for name in names if (name == first or name.startswith(f"{first}_r")) and name != self.collection)

    def drop(self, collection: str) -> None:
        """Drop a collection, with all that is in it."""
        self._call(lambda client: client.drop_collection(collection, timeout=SLOW_SECONDS))

    def upsert(self, rows: Sequence[Row]) -> None:
        """Write rows; they are durable, and visible to a strong read, when this returns."""
        entities = [msgspec.structs.asdict(row) for row in rows]
        self._on_loaded(lambda client: client.upsert(self.collection, entities, timeout=self._timeout_seconds))

    def delete(self, through: Mapping[str, int]) -> int:
        """Delete the rows of each source up to and including its life, until a strong read finds nothing; return how many."""
        return sum(map(self._delete, _up_to(through)))

    def delete_older(self, source_ids: Collection[str], through_life: int, before_ms: int) -> int:
        """Delete the rows of sources up to a life that lie before a t_ms, until a strong read finds nothing; return how many."""
        older = f"life <= {through_life} and t_ms < {before_ms}"
        return sum(self._delete(f"{some} and {older}") for some in _among(source_ids))

    def which_of(self, keys: Sequence[str]) -> set[str]:
        """Return those of some keys, a batch at most, that have a row, by a strong read."""
        read = self._on_loaded(
            lambda client: client.query(
                self.collection,
                ids=list(keys),
                output_fields=["id"],
                consistency_level="Strong",
                timeout=self._timeout_seconds,
            )
        )
        return {row["id"] for row in read}

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Delete rows by their keys; keys that are not there are no fault."""
        self._on_loaded(lambda client: client.delete(self.collection, ids=list(keys), timeout=self._timeout_seconds))

    def delete_provisional(self, captured_before_ms: int) -> int:
        """Delete provisional rows captured before a moment, some thousands of them at most; return how many."""
        expression = f"provisional == true and captured_ms < {captured_before_ms}"
        read = self._on_loaded(
            lambda client: client.query(
                self.collection,
                filter=expression,
                output_fields=["id"],
                limit=SWEPT_AT_ONCE,
                consistency_level="Bounded",
                timeout=self._timeout_seconds,
            )
        )
        if keys := [row["id"] for row in read]:
            self.delete_keys(keys)
        return len(keys)

    def count(self, expression: str = "", collection: str | None = None, consistency: Consistency = "Strong") -> int:
        """Return how many rows match, in this collection or another. A bounded read waits for no tick: it may miss the newest."""
        if self._failed and collection is not None:
            self._call(lambda client: client.load_collection(collection, timeout=SLOW_SECONDS))
        read = self._on_loaded(
            lambda client: client.query(
                collection or self.collection,
                filter=expression,
                output_fields=["count(*)"],
                consistency_level=consistency,
                timeout=self._timeout_seconds,
            )
        )
        return int(read[0]["count(*)"])

    def seal(self) -> None:
        """Close the growing segment, so that its rows are searched by an index and no longer scanned."""
        self._on_loaded(lambda client: client.flush(self.collection, timeout=SLOW_SECONDS))

    def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _delete(self, expression: str) -> int:
        deleted = 0
        while left := self.count(expression):
            self._on_loaded(lambda client: client.delete(self.collection, filter=expression, timeout=SLOW_SECONDS))
            deleted += left
        return deleted

    def _create(self, client: MilvusClient) -> None:
        description = msgspec.json.encode(self._settings).decode()
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False, description=description)
        for field in FIELDS:
            schema.add_field(field.name, **self._field(field))
        client.create_collection(self.collection, schema=schema, timeout=self._timeout_seconds)
        log.info("collection created", collection=self.collection)

    def _field(self, field: Field) -> dict[str, Any]:
        declared: dict[str, Any] = {"is_primary": field.primary}
        kind, _, element = field.type.rstrip(">").partition("<")
        if kind == "ARRAY":
            declared |= {"element_type": DataType[element], "max_capacity": field.size}
        if "VARCHAR" in (kind, element):
            declared["max_length"] = field.size if kind == "VARCHAR" else 64
        if kind == "FLOAT_VECTOR":
            declared["dim"] = field.size or self._dimension
        return {"datatype": DataType[kind], **declared}

    def _check(self) -> None:
        described = self._call(lambda client: client.describe_collection(self.collection, timeout=self._timeout_seconds))
        try:
            made_with = msgspec.json.decode(described["description"], type=CollectionSettings)
        except msgspec.DecodeError:
            made_with = None
        if made_with != self._settings:
            raise WrongCollection(
                f"collection {self.collection} was made with {made_with}, this indexer is set to {self._settings}: "
                "set it as the collection was made; for another setting leave the indexers running with that one, "
                "run python -m services.indexer.rebuild with the new one, then start them with the new one (docs/operations.md)"
            )

    def _index(self, client: MilvusClient) -> None:
        indexes = client.prepare_index_params()
        indexes.add_index("vector", **VECTOR_INDEX)
        for field in FIELDS:
            if field.indexed:
                indexes.add_index(field.name, index_type="STL_SORT")
        client.create_index(self.collection, indexes, timeout=SLOW_SECONDS)

    def _name(self, client: MilvusClient) -> None:
        """Give the alias to this collection if no collection has it."""
        try:
            client.describe_alias(ALIAS, timeout=self._timeout_seconds)
        except MilvusException as error:
            if error.code != NO_ALIAS:
                raise
            self._take_alias(client)

    def _describe_alias(self, client: MilvusClient) -> dict[str, Any] | None:
        try:
            described: dict[str, Any] = client.describe_collection(ALIAS, timeout=self._timeout_seconds)
        except MilvusException as error:
            if error.code not in NOT_THERE:
                raise
            return None
        return described

    def _is_of_space(self, described: dict[str, Any]) -> bool:
        try:
            return msgspec.json.decode(described["description"], type=CollectionSettings).space == self._settings.space
        except msgspec.DecodeError:
            return False

    def _take_alias(self, client: MilvusClient) -> None:
        try:
            client.create_alias(self.collection, ALIAS, timeout=self._timeout_seconds)
        except MilvusException:  # its collection was dropped, and the server remembers the name alone
            client.alter_alias(self.collection, ALIAS, timeout=self._timeout_seconds)

    def _load(self, client: MilvusClient) -> None:
        client.load_collection(self.collection, timeout=SLOW_SECONDS)

    def _on_loaded(self, act: Callable[[MilvusClient], T]) -> T:
        """Call Milvus. pymilvus connects again by itself, but a restarted server has to be told to load the collection."""
        if self._failed:
            self._call(self._load)
        done = self._call(act)
        self._failed = False
        return done

    def _call(self, act: Callable[[MilvusClient], T]) -> T:
        """Call Milvus, also where this collection cannot be loaded: it may have been dropped."""
        try:
            if self._client is None:
                self._client = MilvusClient(uri=self._address, timeout=self._timeout_seconds)
            return act(self._client)
        except (ParamError, DataNotMatchException):
            raise
        except MilvusException as error:
            if error.code in REFUSED:
                raise
            raise self._unavailable(error.message) from None
        except grpc.RpcError as error:  # a call that ran out of time is passed through as it is
            raise self._unavailable(str(error.code())) from None

    def _unavailable(self, reason: str) -> Unavailable:
        self._failed = True
        return Unavailable(f"Milvus at {self._address} does not answer: {reason}")


def some_of(through: Mapping[str, int]) -> dict[str, int]:
    """Return as many of these sources, with the last life of each, as one expression may name."""
    by_life = sorted(through.items(), key=lambda one: one[1])[:SOURCES_AT_ONCE]
    lives = sorted({life for _, life in by_life})[:LIVES_AT_ONCE]
    return {source_id: life for source_id, life in by_life if life <= lives[-1]}


def _up_to(through: Mapping[str, int]) -> Iterator[str]:
    """Give expressions that match the rows of each source up to its life, some sources at a time."""
    left = dict(through)
    while some := some_of(left):
        of_life: defaultdict[int, list[str]] = defaultdict(list)
        for source_id, life in some.items():
            of_life[life].append(source_id)
            del left[source_id]
        yield " or ".join(f"({one} and life <= {life})" for life, ids in of_life.items() for one in _among(ids))


def _among(source_ids: Collection[str]) -> Iterator[str]:
    """Give expressions that match the rows of these sources, some of them at a time."""
    ids = sorted(source_ids)
    for first in range(0, len(ids), SOURCES_AT_ONCE):
        some = ids[first : first + SOURCES_AT_ONCE]
        numbers = ", ".join(str(source_no(source_id)) for source_id in some)
        names = ", ".join(f'"{source_id}"' for source_id in some)
        yield f"source_no in [{numbers}] and source_id in [{names}]"

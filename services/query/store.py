"""Milvus, for reading. The only place in this service that knows pymilvus."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import grpc  # type: ignore[import-untyped]
import msgspec
import numpy as np
import numpy.typing as npt
from pymilvus import MilvusClient, MilvusException

from schemas.collection import ALIAS, METRIC, CollectionSettings
from services.query.curves import Rows, one_a_moment
from services.query.filters import Expression
from streaming.errors import Unavailable

T = TypeVar("T")
Vectors = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Consistency = Literal["Strong", "Bounded"]

TIMEOUT_SECONDS: Final = 5.0
ROWS_LIMIT: Final = 16_384
"""Milvus answers no read with more rows than this."""
SMALLEST_EF: Final = 128
NOT_FOUND: Final = (100, 1600)
_PLACE: Final = ("source_no", "life", "t_ms")


@dataclass(frozen=True)
class Collection:
    """What the alias stood for when a request began, and the settings its rows were made with."""

    name: str
    settings: CollectionSettings


@dataclass(frozen=True)
class Candidates:
    """The nearest rows, best first; each array has shape [n]."""

    source_no: Integers
    life: Integers
    t_ms: Integers


class Store:
    """A Milvus server at an address (`http://host:port` or `unix:/path`). Every call ends within its timeout.

    Connects at first use and again after a failure; raises `Unavailable` while the server or the collection is not there.
    """

    def __init__(self, address: str, alias: str = ALIAS, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it prints a stack trace of what we raise in one line
        self._address, self._alias, self._timeout_seconds = address, alias, timeout_seconds
        self._client: MilvusClient | None = None
        self._lock = threading.Lock()

    def collection(self) -> Collection:
        """Resolve the alias."""
        described = self._call(lambda client: client.describe_collection(self._alias, timeout=self._timeout_seconds))
        settings = msgspec.json.decode(described["description"], type=CollectionSettings)
        return Collection(described["collection_name"], settings)

    def nearest(self, collection: str, vector: Vectors, expression: Expression, limit: int) -> Candidates:
        """Return the `limit` rows nearest to a unit vector among those that match."""
        hits = self._call(
            lambda client: client.search(
                collection,
                [vector],
                filter=expression,
                limit=limit,
                output_fields=list(_PLACE),
                search_params={"metric_type": METRIC, "params": {"ef": max(SMALLEST_EF, limit)}},
                consistency_level="Bounded",
                timeout=self._timeout_seconds,
            )[0]
        )
        return Candidates(*(np.array([hit["entity"][field] for hit in hits], np.int64) for field in _PLACE))

    def rows(self, collection: str, expression: Expression, limit: int = ROWS_LIMIT) -> Rows:
        """Return the rows that match with their vectors, each source in time order and one row a moment.

        Where as many came as may, there may be more: they are then not `whole`.
        """
        fields, limit = [*_PLACE, "captured_ms", "provisional"], min(limit, ROWS_LIMIT)
        read = self._query(collection, expression, [*fields, "vector"], "Bounded", limit=limit)
        # Going through the rows one by one makes pymilvus build each vector as a list, 60 microseconds a row.
        columns = (np.array([row[field] for row in list.__iter__(read)], np.int64) for field in fields)
        source_no, life, t_ms, captured_ms, provisional = columns
        is_provisional, whole = provisional.astype(np.bool_), len(read) < limit
        return one_a_moment(Rows(source_no, life, t_ms, captured_ms, is_provisional, _vectors(read), whole))

    def matches(self, collection: str, expression: Expression) -> bool:
        """Return whether any row matches."""
        return len(self._query(collection, expression, ["t_ms"], "Bounded", limit=1)) > 0

    def count(self, collection: str, expression: Expression, consistency: Consistency = "Strong") -> int:
        """Return how many rows match, by default after all that was written before this call."""
        return int(self._query(collection, expression, ["count(*)"], consistency)[0]["count(*)"])

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _query(
        self, collection: str, expression: Expression, fields: Sequence[str], consistency: Consistency, **options: Any
    ) -> Any:
        return self._call(
            lambda client: client.query(
                collection,
                filter=expression,
                output_fields=list(fields),
                consistency_level=consistency,
                timeout=self._timeout_seconds,
                **options,
            )
        )

    def _call(self, act: Callable[[MilvusClient], T]) -> T:
        try:
            return act(self._connected())
        except MilvusException as error:
            if "cannot parse expression" in error.message:
                raise
            if error.code in NOT_FOUND:
                raise Unavailable("there is no collection yet: the indexer makes it when it starts") from None
            raise Unavailable(f"Milvus at {self._address} does not answer: {error.message}") from None
        except grpc.RpcError as error:  # a call that ran out of time is passed through as it is
            raise Unavailable(f"Milvus at {self._address} does not answer: {error.code()}") from None

    def _connected(self) -> MilvusClient:
        with self._lock:
            if self._client is None:
                self._client = MilvusClient(uri=self._address, timeout=self._timeout_seconds)
            return self._client


def _vectors(read: Any) -> Vectors:
    """Return the vectors [n, dimension] of a query's rows, from the message that pymilvus keeps."""
    if not read:
        return np.empty((0, 0), np.float32)
    field = next(field for field in read._lazy_field_data if field.field_name == "vector")  # noqa: SLF001  see `rows`
    return np.array(field.vectors.float_vector.data, np.float32).reshape(len(read), field.vectors.dim)

"""The Milvus collection, as data: one per embedding space, behind an alias.

Limits of the oldest server we run (2.3.5): no partition key, nothing nullable, float32 vectors only.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from schemas.space import slug

FieldType = Literal["VARCHAR", "INT64", "INT32", "BOOL", "ARRAY<FLOAT>", "ARRAY<VARCHAR>", "FLOAT_VECTOR"]


@dataclass(frozen=True)
class Field:
    """One field. `size` is the largest length of a string or the capacity of an array; a vector takes its space's dimension."""

    name: str
    type: FieldType
    size: int = 0
    primary: bool = False
    indexed: bool = False


FIELDS: Final = (
    Field("id", "VARCHAR", 160, primary=True),
    Field("source_id", "VARCHAR", 64),
    Field("source_no", "INT64", indexed=True),
    Field("life", "INT64"),
    Field("part", "VARCHAR", 64),
    Field("t_ms", "INT64", indexed=True),
    Field("end_ms", "INT64"),
    Field("captured_ms", "INT64", indexed=True),
    Field("box", "ARRAY<FLOAT>", 4),
    Field("provisional", "BOOL"),
    Field("probes", "ARRAY<VARCHAR>", 64),
    Field("sample_hash", "INT32"),
    Field("vector", "FLOAT_VECTOR"),
)
METRIC: Final = "COSINE"
VECTOR_INDEX: Final[dict[str, Any]] = {"index_type": "HNSW", "metric_type": METRIC, "params": {"M": 16, "efConstruction": 128}}
ALIAS: Final = "framebus"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it is written. `vector` is a sequence of float32, unit length; `box` is empty for the whole frame."""

    id: str
    source_id: str
    source_no: int
    life: int
    part: str
    t_ms: int
    end_ms: int
    captured_ms: int
    box: tuple[float, ...] = ()
    provisional: bool = False
    probes: tuple[str, ...] = ()
    sample_hash: int
    vector: Any


class CollectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a collection were made with; kept in its description as JSON.

    An indexer that is set otherwise refuses the collection: rows made with two settings are not comparable.
    """

    space: str
    sigma_seconds: float
    cut_memory: int
    cut_fixed_threshold: float
    cut_deviations: float


def collection_name(space: str) -> str:
    """Return the name of a space's collection."""
    return f"{ALIAS}_{slug(space)}"


def rebuilt_name(space: str, began_ms: int) -> str:
    """Return the name of a collection of the same space that is filled again from the log."""
    return f"{collection_name(space)}_r{began_ms}"

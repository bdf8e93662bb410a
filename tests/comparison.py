"""The rows of an index beside those of an uninterrupted run: one comparison for every test that kills something."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from pymilvus import MilvusClient

from schemas.collection import ALIAS
from schemas.collection import FIELDS as COLLECTION_FIELDS
from schemas.identity import WHOLE_FRAME, row_key, sample_hash, source_no
from schemas.limits import UNKNOWN_MS

Vector = npt.NDArray[np.float32]
Rest = tuple[str, tuple[float, ...], tuple[str, ...], int]
"""Part, box, probes and sample hash of a row, which follow from its key."""
FIELDS: Final = tuple(one.name for one in COLLECTION_FIELDS)
WITHIN: Final = 1e-6
MOST_ROWS: Final = 16_384
COUNTS: Final = 5
COUNT_AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """A row as the index holds it."""

    key: str
    moment: tuple[str, int, int]
    end_ms: int
    provisional: bool
    vector: Vector
    captured_ms: int
    source_no: int
    rest: Rest

    @property
    def t_ms(self) -> int:
        """Its time."""
        return self.moment[2]


@dataclass(frozen=True, slots=True)
class Expected:
    """A row as it must be. `vectors` holds the one that is right; two where a moment may have come on either of two ways.

    `captured_ms` holds what the records of its moment say; None where that is not asked.
    """

    t_ms: int
    vectors: tuple[Vector, ...]
    captured_ms: frozenset[int] | None = None


Rows = Mapping[str, Expected]


@dataclass
class Differences:
    """What is not as it must be, a line for each row. `extra` are rows that an uninterrupted run does not make."""

    expected: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return a line for every row that differs."""
        return [*self.missing, *self.wrong, *self.twice, *self.extra]

    def add(self, other: "Differences") -> None:
        """Take in those of other rows."""
        self.expected += other.expected
        for name in ("missing", "wrong", "twice", "extra"):
            getattr(self, name).extend(getattr(other, name))


def compare(found: Iterable[Found], expected: Rows) -> Differences:
    """Compare every final row, in all that is known of it. Provisional ones do not count: a search shows one row a moment, and
    who is killed leaves some to be swept."""
    differences = Differences(expected=len(expected))
    final = [row for row in found if not row.provisional]
    for row in final:
        _judge(row, expected.get(row.key), differences)
    keys = {row.key for row in final}
    differences.missing += [f"{key} is missing" for key in expected if key not in keys]
    moments = Counter(row.moment for row in final)
    differences.twice += [f"{_key(moment)} is there {times} times" for moment, times in moments.items() if times > 1]
    return differences


def orphans(found: Iterable[Found]) -> int:
    """Return how many provisional rows there are beside the final one of their moment."""
    rows = list(found)
    final = {row.moment for row in rows if not row.provisional}
    return sum(row.provisional and row.moment in final for row in rows)


def never_final(found: Iterable[Found], expected: Rows) -> list[str]:
    """Return a line for every provisional row of a moment that has no final one to come: no sweep is to hide it."""
    return [
        f"{row.key} is provisional, of a moment that an uninterrupted run does not have"
        for row in found
        if row.provisional and _key(row.moment) not in expected
    ]


def file_rows(source_id: str, by_time: Mapping[int, Vector], life: int = 1) -> dict[str, Expected]:
    """Return the rows of a file of which the vector of every moment is known; when it was filmed nobody has said."""
    unknown = frozenset({UNKNOWN_MS})
    return {_key((source_id, life, t_ms)): Expected(t_ms, (vector,), unknown) for t_ms, vector in by_time.items()}


def rest_of(key: str) -> Rest:
    """Return what a row of the whole frame says of itself."""
    return WHOLE_FRAME, (), (), sample_hash(key)


def rows_of(milvus: MilvusClient, source_id: str, collection: str = ALIAS) -> list[Found]:
    """Return every row of a source, by a strong read."""
    rows = milvus.query(
        collection, filter=f'source_id == "{source_id}"', output_fields=list(FIELDS), limit=MOST_ROWS,
        consistency_level="Strong",
    )  # fmt: skip
    assert len(rows) < MOST_ROWS, f"{source_id} has more rows than one read gives"
    return [
        Found(
            row["id"], (row["source_id"], row["life"], row["t_ms"]), row["end_ms"], row["provisional"],
            np.asarray(row["vector"], np.float32), row["captured_ms"], row["source_no"],
            (row["part"], tuple(row["box"]), tuple(row["probes"]), row["sample_hash"]),
        )
        for row in rows
    ]  # fmt: skip


def stored(milvus: MilvusClient, expression: str, collection: str = ALIAS) -> int:
    """Return how many rows match, by a strong read."""
    counted = milvus.query(collection, filter=expression, output_fields=["count(*)"], consistency_level="Strong")
    return int(counted[0]["count(*)"])


def stored_twice(milvus: MilvusClient, source_id: str, rows: Sequence[Found], collection: str = ALIAS) -> list[str]:
    """Return a line where other than the `rows` that were read of a source are stored: of one key a read shows one, a count all.

    Provisional rows may be swept between the two, so both are read again a few times before it counts.
    """
    count = 0
    for again in range(COUNTS):
        if again:
            time.sleep(COUNT_AGAIN_SECONDS)
            rows = rows_of(milvus, source_id, collection)
        if (count := stored(milvus, f'source_id == "{source_id}"', collection)) == len(rows):
            return []
    return [f"{source_id} has {len(rows)} keys, and {count} rows are stored"]


def _judge(row: Found, expected: Expected | None, differences: Differences) -> None:
    if expected is None or row.key != _key(row.moment):
        differences.extra.append(f"{row.key} is no row of an uninterrupted run")
    elif row.t_ms != expected.t_ms or row.end_ms != expected.t_ms:
        differences.wrong.append(f"{row.key} spans {row.t_ms} to {row.end_ms}, expected {expected.t_ms}")
    elif row.rest != rest_of(row.key):
        differences.wrong.append(f"{row.key} says {row.rest} of the whole frame, expected {rest_of(row.key)}")
    elif row.source_no != source_no(row.moment[0]):
        differences.wrong.append(f"{row.key} has the number {row.source_no}, which is another source's")
    elif expected.captured_ms is not None and row.captured_ms not in expected.captured_ms:
        differences.wrong.append(f"{row.key} was captured at {row.captured_ms}, expected {sorted(expected.captured_ms)}")
    else:
        distances = [float(np.abs(row.vector - vector).max()) for vector in expected.vectors]
        if not any(distance <= WITHIN for distance in distances):  # no number is within anything
            differences.wrong.append(f"{row.key} is off by {min(distances):.2g}")


def _key(moment: tuple[str, int, int]) -> str:
    source_id, life, t_ms = moment
    return row_key(source_id, life, WHOLE_FRAME, t_ms)

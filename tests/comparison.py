"""The rows of an index beside those of an uninterrupted run: one comparison for every test that kills something."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from pymilvus import MilvusClient

from schemas.collection import ALIAS
from schemas.identity import WHOLE_FRAME, row_key

Vector = npt.NDArray[np.float32]
FIELDS: Final = ("id", "source_id", "life", "t_ms", "end_ms", "provisional", "vector")
WITHIN: Final = 1e-6
MOST_ROWS: Final = 16_384


@dataclass(frozen=True, slots=True)
class Found:
    """A row as the index holds it."""

    key: str
    moment: tuple[str, int, int]
    end_ms: int
    provisional: bool
    vector: Vector

    @property
    def t_ms(self) -> int:
        """Its time."""
        return self.moment[2]


@dataclass(frozen=True, slots=True)
class Expected:
    """A row as it must be. `vectors` holds the one that is right; two where a moment may have come on either of two ways."""

    t_ms: int
    vectors: tuple[Vector, ...]


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
    """Compare key, span and vector of every final row. Provisional ones do not count: a search shows one row a moment, and who
    is killed leaves some to be swept."""
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


def file_rows(source_id: str, by_time: Mapping[int, Vector], life: int = 1) -> dict[str, Expected]:
    """Return the rows of a source of which the vector of every moment is known."""
    return {_key((source_id, life, t_ms)): Expected(t_ms, (vector,)) for t_ms, vector in by_time.items()}


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
            np.asarray(row["vector"], np.float32),
        )
        for row in rows
    ]  # fmt: skip


def _judge(row: Found, expected: Expected | None, differences: Differences) -> None:
    if expected is None or row.key != _key(row.moment):
        differences.extra.append(f"{row.key} is no row of an uninterrupted run")
    elif row.t_ms != expected.t_ms or row.end_ms != expected.t_ms:
        differences.wrong.append(f"{row.key} spans {row.t_ms} to {row.end_ms}, expected {expected.t_ms}")
    elif (distance := min(float(np.abs(row.vector - vector).max()) for vector in expected.vectors)) > WITHIN:
        differences.wrong.append(f"{row.key} is off by {distance:.2g}")


def _key(moment: tuple[str, int, int]) -> str:
    source_id, life, t_ms = moment
    return row_key(source_id, life, WHOLE_FRAME, t_ms)

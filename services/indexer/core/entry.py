"""What goes into the core and what comes out."""

from dataclasses import dataclass

from schemas.headers import EmbeddingHeaders
from services.indexer.core.kernel import Vector


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a partition, checked by itself but not yet against its neighbours.

    `life` is resolved. `closes_when_quiet`: the source is a push source, whose runs may never be ended by anyone.
    `done`: the stream is a chunk whose rows were all confirmed, in the collection that is written.
    `vector` is None for a mark, and for a sample whose value was refused: it still holds its place in the run.
    """

    offset: int
    timestamp_ms: int
    headers: EmbeddingHeaders
    life: int
    closes_when_quiet: bool
    done: bool
    vector: Vector | None


@dataclass(frozen=True, slots=True)
class RowSample:
    """A sample as it is written: one row, with its smoothed unit vector.

    `provisional`: samples that belong into its window are still to come. It is smoothed over those before it, and its final row
    follows from the same reader. `replayed`: it is written only where its moment has no row.
    """

    stream: str
    source_id: str
    life: int
    t_ms: int
    captured_ms: int
    vector: Vector
    provisional: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """A stream whose `stream_end` was read. `whole`: all of its samples were read, so `rows` counts all of them."""

    stream: str
    source_id: str
    life: int
    rows: int
    last_t_ms: int | None
    whole: bool

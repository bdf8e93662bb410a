"""From samples to rows, and to what is said of them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

from schemas import identity
from schemas.collection import Row
from schemas.identity import WHOLE_FRAME, row_key, sample_hash
from schemas.messages import ChunkStatus, IndexEvent, RowWritten
from services.indexer.core.entry import RowSample, StreamEnd

source_no = lru_cache(maxsize=4096)(identity.source_no)

EVENT_ROWS: Final = 500


def key_of(sample: RowSample, *, provisional: bool) -> str:
    """Return the key of a sample's row: a provisional row and its final one never share a key."""
    return row_key(sample.source_id, sample.life, WHOLE_FRAME, sample.t_ms, provisional=provisional)


def row_of(sample: RowSample) -> Row:
    """Return the row of a sample: one moment of the whole frame."""
    key = key_of(sample, provisional=sample.provisional)
    return Row(
        id=key,
        source_id=sample.source_id,
        source_no=source_no(sample.source_id),
        life=sample.life,
        part=WHOLE_FRAME,
        t_ms=sample.t_ms,
        end_ms=sample.t_ms,
        captured_ms=sample.captured_ms,
        provisional=sample.provisional,
        sample_hash=sample_hash(key),
        vector=sample.vector,
    )


def events(samples: Sequence[RowSample], space: str, searchable_ms: int) -> Iterator[IndexEvent]:
    """Give what is said of rows that were confirmed at `searchable_ms`, a stream at a time."""
    for stream, of_stream in groupby(samples, key=lambda sample: sample.stream):
        rows = [_written(sample, searchable_ms) for sample in of_stream]
        for first in range(0, len(rows), EVENT_ROWS):
            yield IndexEvent(space=space, stream=stream, rows=tuple(rows[first : first + EVENT_ROWS]))


def chunk_status(end: StreamEnd, space: str) -> ChunkStatus | None:
    """Return what is said of a chunk that is done; None for a stream that is no chunk."""
    name = end.stream.rpartition("/")[2]
    if name == end.stream:
        return None
    return ChunkStatus(
        stream=end.stream,
        source_id=end.source_id,
        life=end.life,
        index=int(name[1:]) if name[0] == "c" else 0,
        space=space,
        rows=end.rows,
        last_t_ms=end.last_t_ms,
    )


def _written(sample: RowSample, searchable_ms: int) -> RowWritten:
    return RowWritten(
        source_id=sample.source_id,
        life=sample.life,
        part=WHOLE_FRAME,
        t_ms=sample.t_ms,
        end_ms=sample.t_ms,
        captured_ms=sample.captured_ms,
        searchable_ms=searchable_ms,
        provisional=sample.provisional,
    )

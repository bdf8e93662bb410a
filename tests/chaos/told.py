"""What `index-events` says of rows, beside the rows that there are: each is told of at least once, and none that is not there."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from schemas.identity import row_key
from schemas.messages import IndexEvent, RowWritten, decode
from schemas.topics import INDEX_EVENTS
from tests.chaos.records import records_of
from tests.comparison import Found

Told = Mapping[str, Collection[tuple[int, int]]]
"""`end_ms` and `captured_ms` of each telling of a final row, by its key."""


def told_of(bootstrap: str, source_ids: Collection[str]) -> Told:
    """Return all that was told of the final rows of some sources."""
    events = (decode(record.value() or b"", IndexEvent) for record in records_of(bootstrap, INDEX_EVENTS.name))
    return gathered(row for event in events for row in event.rows if row.source_id in source_ids)


def gathered(rows: Iterable[RowWritten]) -> Told:
    """Return what was told of final rows. Pure."""
    told: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for row in rows:
        if not row.provisional:
            key = row_key(row.source_id, row.life, row.part, row.t_ms, provisional=False)
            told[key].add((row.end_ms, row.captured_ms))
    return told


def untold(found: Iterable[Found], told: Told) -> Iterator[str]:
    """Yield a line for every final row that nobody was told of as it is. Pure."""
    for row in found:
        if row.provisional:
            continue
        if row.key not in told:
            yield f"{row.key} is there, and no index event tells of it"
        elif (row.end_ms, row.captured_ms) not in told[row.key]:
            yield f"{row.key} ends at {row.end_ms}, captured at {row.captured_ms}: index events tell {sorted(told[row.key])}"


def unwritten(found: Iterable[Found], told: Told) -> Iterator[str]:
    """Yield a line for every final row that index events tell of and that is not there. Pure."""
    keys = {row.key for row in found}
    return (f"index events tell of {key}, which is not there" for key in told if key not in keys)

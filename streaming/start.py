"""Where the reading of a partition begins, and what is told of records that are not in the log any more; for both runners."""

import time

from schemas.messages import Recut
from schemas.topics import RECUT
from streaming import metrics as m
from streaming.commits import begun_of, note_of, processed_offset
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition
from streaming.stage import Start

log = get_logger("start")


def start_of(
    partition: Partition, committed: int | None, metadata: str | None, first: int, end: int, outbox: Outbox, metrics: Metrics
) -> Start:
    """Begin at the group's commit with its note, None where there is none, else at `first`, the oldest record of the log.

    A commit that the log, which goes from `first` to before `end`, does not reach is told and asked for again; it is never
    hidden. What left unread is counted as lost; where its metadata say that all of it was processed, it was only held for rows to
    come, and reading goes on behind it. A log that has lost its end is told wherever the commit knows of more than is there.
    """
    if committed is None:
        return Start(partition, first)
    note, said = note_of(metadata), processed_offset(-1, metadata)
    known = max(committed, said or 0)
    if known > end:
        _tell_of_end(partition, committed, first, end, known, outbox, metrics)
        begin = min(max(committed, first), end)
        return Start(partition, begin, resumed=True, note=note, cut=begin != committed)
    if committed >= first:
        return Start(partition, committed, resumed=True, note=note, processed=said, begun=begun_of(metadata))
    lost, held = max(0, first - known), min(first, known) - committed
    if lost:
        log.error("records left the log before they were read", lost=lost, held=held, **_fields(partition))
        metrics.of(m.LOST).labels(partition.topic).inc(lost)
    else:
        log.warning("records left the log that were read, and held for rows to come", held=held, **_fields(partition))
    _ask_again(partition, committed, first - 1, outbox)
    return Start(partition, first, resumed=not lost, note=note, cut=True, processed=said, begun=begun_of(metadata))


def _tell_of_end(
    partition: Partition, committed: int, first: int, end: int, known: int, outbox: Outbox, metrics: Metrics
) -> None:
    """Say that the log has lost its end; what is written there from now on has the offsets of what was lost.

    Nobody knows how much that was: what the commit knows of is counted and asked for again. The group has read that, and all that
    is left, so a stream goes on in its middle, and what is sent once more of what lay before the commit is known by the note.
    """
    log.error("the log has lost its end", at_least=known - end, end=end, committed=committed, **_fields(partition))
    metrics.of(m.LOST).labels(partition.topic).inc(known - end)
    _ask_again(partition, committed if committed < first else end, known - 1, outbox)


def _ask_again(partition: Partition, first_offset: int, last_offset: int, outbox: Outbox) -> None:
    recut = Recut(
        topic=partition.topic, partition=partition.number, first_offset=first_offset, last_offset=last_offset,
        at_ms=time.time_ns() // 1_000_000,
    )  # fmt: skip
    outbox.send_message(RECUT.name, recut, key=f"{partition.topic}/{partition.number}")


def _fields(partition: Partition) -> dict[str, str | int]:
    return {"topic": partition.topic, "partition": partition.number}

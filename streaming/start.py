"""Where the reading of a partition begins, and what is told of records that left the log before that; for both runners."""

import time

from schemas.messages import Recut
from schemas.topics import RECUT
from streaming import metrics as m
from streaming.commits import note_of, processed_offset
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition
from streaming.stage import Start

log = get_logger("start")


def start_of(
    partition: Partition, committed: int | None, metadata: str | None, first: int, outbox: Outbox, metrics: Metrics
) -> Start:
    """Begin at the group's commit with its note, None where there is none, else at `first`, the oldest record of the log.

    A commit that has left the log is told and asked for again; it is never hidden. What left unread is counted as lost; where its
    metadata say that all of it was processed, it was only held for rows to come, and reading goes on behind it.
    """
    if committed is None:
        return Start(partition, first)
    note, said = note_of(metadata), processed_offset(-1, metadata)
    if committed >= first:
        return Start(partition, committed, resumed=True, note=note, processed=said)
    processed = max(committed, said or 0)
    lost, held = max(0, first - processed), min(first, processed) - committed
    place = {"topic": partition.topic, "partition": partition.number}
    if lost:
        log.error("records left the log before they were read", lost=lost, held=held, **place)
        metrics.of(m.LOST).labels(partition.topic).inc(lost)
    else:
        log.warning("records left the log that were read, and held for rows to come", held=held, **place)
    recut = Recut(
        topic=partition.topic, partition=partition.number, first_offset=committed, last_offset=first - 1,
        at_ms=time.time_ns() // 1_000_000,
    )  # fmt: skip
    outbox.send_message(RECUT.name, recut, key=f"{partition.topic}/{partition.number}")
    return Start(partition, first, resumed=not lost, note=note, cut=True, processed=said)

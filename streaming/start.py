"""Where the reading of a partition begins, and what is told of records that left the log before that; for both runners."""

import time

from schemas.messages import Recut
from schemas.topics import RECUT
from streaming import metrics as m
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition
from streaming.stage import Start

log = get_logger("start")


def start_of(partition: Partition, committed: int | None, note: str, first: int, outbox: Outbox, metrics: Metrics) -> Start:
    """Begin at the group's commit with its note, None where there is none, else at `first`, the oldest record of the log.

    A commit that has left the log is told, counted and asked for again; it is never hidden.
    """
    if committed is None:
        return Start(partition, first)
    if committed >= first:
        return Start(partition, committed, resumed=True, note=note)
    lost = first - committed
    log.error("records left the log before they were read", topic=partition.topic, partition=partition.number, lost=lost)
    metrics.of(m.LOST).labels(partition.topic).inc(lost)
    recut = Recut(
        topic=partition.topic, partition=partition.number, first_offset=committed, last_offset=first - 1,
        at_ms=time.time_ns() // 1_000_000,
    )  # fmt: skip
    outbox.send_message(RECUT.name, recut, key=f"{partition.topic}/{partition.number}")
    return Start(partition, first)

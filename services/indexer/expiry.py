"""Rows that are deleted because of their age, now and then, on a thread of its own."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from schemas.topics import DAY_MS
from services.indexer import metrics as m
from services.indexer.lives import camera_days
from services.indexer.registry import Registry
from services.indexer.shown import ORPHANED_MS
from services.indexer.store import Store
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.rounds import Rounds, Work

ROUND_SECONDS: Final = 60.0
log = get_logger("expiry")


class Expiry:
    """Deletes cameras' rows that are older than they are kept for, and provisional rows that nobody will cover: their reader
    has died, or their partition was given up.

    Several indexers may do so at once. What fails is done again a round later.
    """

    def __init__(self, store: Store, registry: Registry, metrics: Metrics, *, default_days: float) -> None:
        self._store, self._registry, self._metrics = store, registry, metrics
        self._default_days = default_days
        self._rounds = Rounds("expiry", ROUND_SECONDS)

    def follow(self) -> None:
        """Begin a round when it is time for one, without waiting; raises what the last one failed with."""
        self._rounds.follow(self._next_round)

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._rounds.close()

    def _next_round(self) -> Work:
        cameras = camera_days(self._registry.sources(), self._default_days)
        return partial(self._expire, cameras, int(time.time() * 1000))

    def _expire(self, cameras: Mapping[tuple[float, int], Sequence[str]], now_ms: int) -> None:
        try:
            self._count("provisional", self._store.delete_provisional(now_ms - ORPHANED_MS))
            for (days, life), source_ids in cameras.items():
                self._count("old", self._store.delete_older(source_ids, life, now_ms - int(days * DAY_MS)))
        except Unavailable as error:
            log.warning("deleting old rows later", reason=str(error))

    def _count(self, why: str, rows: int) -> None:
        self._metrics.of(m.EXPIRED_ROWS).labels(why).inc(rows)
        if rows:
            log.info("rows deleted by age", why=why, rows=rows)

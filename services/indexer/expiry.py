"""Rows that are deleted because of their age, now and then, on a thread of its own."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from services.indexer import metrics as m
from services.indexer.shown import ORPHANED_MS
from services.indexer.store import Store
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics

SWEEP_SECONDS: Final = 60.0
log = get_logger("expiry")


class Expiry:
    """Deletes provisional rows that nobody will cover: their reader has died, or their partition was given up.

    Several indexers may do so at once. What fails is done again a round later.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics
        self._thread = ThreadPoolExecutor(1, "expiry")
        self._round: Future[None] | None = None
        self._next_at = 0.0

    def follow(self) -> None:
        """Begin a round when it is time for one, without waiting; raises what the last one failed with."""
        if time.monotonic() < self._next_at or (self._round is not None and not self._round.done()):
            return
        if self._round is not None:
            self._round.result()
        self._next_at = time.monotonic() + SWEEP_SECONDS
        self._round = self._thread.submit(self._sweep, int(time.time() * 1000))

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._thread.shutdown()

    def _sweep(self, now_ms: int) -> None:
        try:
            swept = self._store.delete_provisional(now_ms - ORPHANED_MS)
        except Unavailable as error:
            log.warning("sweeping later", reason=str(error))
            return
        self._metrics.of(m.SWEPT).inc(swept)
        if swept:
            log.info("provisional rows swept", rows=swept)

"""Upserts on a thread of their own, so that computing goes on while Milvus works."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from services.indexer import metrics as m
from services.indexer.core.entry import FinalSample
from services.indexer.rows import row_of
from services.indexer.store import Store
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics

BATCH_ROWS: Final = 1000
BATCHES_AHEAD: Final = 3
log = get_logger("writer")


@dataclass(frozen=True)
class Confirmed:
    """Samples whose rows Milvus has confirmed, and the wall clock when it had."""

    samples: Sequence[FinalSample]
    searchable_ms: int


@dataclass
class _Batch:
    samples: list[FinalSample]
    done: Future[Confirmed]


class Writer:
    """Writes in order, a few batches ahead, and keeps every batch until it is confirmed."""

    def __init__(self, store: Store, metrics: Metrics, *, seal_rows: int) -> None:
        self._store, self._metrics, self._seal_rows = store, metrics, seal_rows
        self._thread = ThreadPoolExecutor(1, "upserts")
        self._sealing = ThreadPoolExecutor(1, "seals")
        self._sealed: Future[None] | None = None
        self._unsealed = 0
        self._gathered: list[FinalSample] = []
        self._waiting: deque[_Batch] = deque()
        self._confirmed: list[Confirmed] = []
        self._over: dict[str, int] = {}
        self._to_delete: dict[str, int] = {}
        self._deleting: Future[None] | None = None

    @property
    def full(self) -> bool:
        """Whether more rows should wait: Milvus is behind."""
        return len(self._waiting) >= BATCHES_AHEAD

    def write(self, samples: Sequence[FinalSample]) -> None:
        """Take samples; full batches are sent at once, the rest with `confirm`."""
        self._gathered += samples
        while len(self._gathered) >= BATCH_ROWS:
            self._send(self._gathered[:BATCH_ROWS])
            del self._gathered[:BATCH_ROWS]

    def confirm(self) -> list[Confirmed]:
        """Send what is left and return when Milvus has confirmed everything.

        Raises `Unavailable` when it has not; what was confirmed until then is returned by a later call.
        """
        if self._gathered:
            self._send(self._gathered)
            self._gathered = []
        while self._waiting:
            batch = self._waiting[0]
            try:
                self._confirmed.append(batch.done.result())
            except Unavailable:
                batch.done = self._thread.submit(self._upsert, batch.samples)
                raise
            self._waiting.popleft()
        confirmed, self._confirmed = self._confirmed, []
        self._seal_when_many()
        return confirmed

    def remove(self, over: Mapping[str, int]) -> None:
        """Write nothing more of these sources up to these lives, and delete what was written."""
        for source_id, life in over.items():
            if self._over.get(source_id, 0) < life:
                self._over[source_id] = self._to_delete[source_id] = life

    def delete_some(self) -> None:
        """Go on with deleting, without waiting; what Milvus did not confirm is deleted again."""
        if self._deleting is not None and self._deleting.done():
            self._deleting.result()
            self._deleting = None
        if self._to_delete and self._deleting is None:
            self._deleting = self._thread.submit(self._delete)

    def close(self) -> None:
        """End the threads; what they have begun they finish."""
        self._thread.shutdown()
        self._sealing.shutdown()

    def _send(self, samples: list[FinalSample]) -> None:
        self._waiting.append(_Batch(samples, self._thread.submit(self._upsert, samples)))

    def _upsert(self, samples: list[FinalSample]) -> Confirmed:
        if self._over:
            samples = [sample for sample in samples if sample.life > self._over.get(sample.source_id, 0)]
        began = time.monotonic()
        rows = {row.id: row for row in map(row_of, samples)}  # of a moment that was sent twice only the last may go out
        if rows:
            self._store.upsert(list(rows.values()))
        self._metrics.of(m.UPSERT_SECONDS).observe(time.monotonic() - began)
        self._metrics.of(m.ROWS).inc(len(samples))
        self._unsealed += len(samples)
        return Confirmed(samples, int(time.time() * 1000))

    def _delete(self) -> None:
        deleting = dict(self._to_delete)
        try:
            for life in set(deleting.values()):
                sources = [source_id for source_id, through in deleting.items() if through == life]
                deleted = self._store.delete(sources, life)
                self._metrics.of(m.REMOVED_ROWS).inc(deleted)
                if deleted:
                    log.info("rows removed", sources=len(sources), life=life, rows=deleted)
        except Unavailable as error:
            log.warning("removing again later", reason=str(error))
            time.sleep(1.0)
            return
        for source_id, life in deleting.items():
            if self._to_delete.get(source_id) == life:
                del self._to_delete[source_id]

    def _seal_when_many(self) -> None:
        if self._sealed is not None and not self._sealed.done():
            return
        if self._unsealed >= self._seal_rows:
            self._unsealed = 0
            self._sealed = self._sealing.submit(self._seal)

    def _seal(self) -> None:
        try:
            self._store.seal()
            self._metrics.of(m.SEALED).inc()
        except Unavailable as error:
            log.warning("sealing later", reason=str(error))

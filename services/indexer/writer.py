"""Upserts on a thread of their own, so that computing goes on while Milvus works."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from schemas.collection import Row
from services.indexer import metrics as m
from services.indexer.core.entry import RowSample
from services.indexer.over import Over
from services.indexer.rows import row_of
from services.indexer.shown import Shown
from services.indexer.store import Store, some_of
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics

BATCH_ROWS: Final = 1000
BATCHES_AHEAD: Final = 3
UNCOVER_SECONDS: Final = 1.0
log = get_logger("writer")


@dataclass(frozen=True)
class Confirmed:
    """Samples whose rows Milvus has confirmed, and the wall clock when it had.

    `first` are those of moments that no row has shown before: a final row whose provisional one was there is not among them.
    """

    samples: Sequence[RowSample]
    searchable_ms: int
    first: Sequence[RowSample] = ()


class Holding:
    """A partition for as long as it is this process's. Of one that was taken nothing is written any more: its next owner does."""

    is_over = False


Held = tuple[RowSample, Holding]


@dataclass
class _Batch:
    final: list[Held]
    provisional: int
    done: Future[Confirmed]


class Writer:
    """Writes in order, a few batches ahead, and keeps every batch until it is confirmed.

    Where one fails, those behind it are refused until all of them are sent again, as the next series: of two values of a key the
    later one stands, and no batch is confirmed before those ahead of it.

    Provisional samples go with a batch and are not kept: where Milvus does not answer they are given up, and nothing waits.

    `is_sure` tells whether this process knows what it holds; while it does not nothing is written.
    """

    def __init__(self, store: Store, metrics: Metrics, *, seal_rows: int, is_sure: Callable[[], bool] = lambda: True) -> None:
        self._store, self._metrics, self._seal_rows, self._is_sure = store, metrics, seal_rows, is_sure
        self._thread = ThreadPoolExecutor(1, "upserts")
        self._sealing = ThreadPoolExecutor(1, "seals")
        self._sealed: Future[None] | None = None
        self._unsealed = 0
        self._gathered: list[Held] = []
        self._newest: list[Held] = []
        self._shown = Shown()
        self._uncovering: Future[None] | None = None
        self._uncover_at = 0.0
        self._waiting: deque[_Batch] = deque()
        self._series, self._failed_series = 1, 0  # the latter is the writing thread's alone
        self._confirmed: list[Confirmed] = []
        self._over = Over()
        self._deleting: Future[Mapping[str, int]] | None = None

    @property
    def full(self) -> bool:
        """Whether more rows should wait: Milvus is behind."""
        return len(self._waiting) >= BATCHES_AHEAD

    def write(self, samples: Iterable[RowSample], holding: Holding) -> None:
        """Take final samples of a partition; full batches are sent at once, the rest with `confirm`."""
        self._gathered += ((sample, holding) for sample in samples)
        while len(self._gathered) >= BATCH_ROWS:
            self._send(self._gathered[:BATCH_ROWS], [])
            del self._gathered[:BATCH_ROWS]

    def show(self, samples: Iterable[RowSample], holding: Holding) -> None:
        """Take provisional samples of a partition, to be written with the next `confirm`."""
        self._newest += ((sample, holding) for sample in samples)

    def confirm(self) -> list[Confirmed]:
        """Send what is left and return when Milvus has confirmed everything.

        Raises `Unavailable` when it has not; what was confirmed until then is returned by a later call.
        """
        if self._gathered or self._newest:
            self._send(self._gathered, self._newest)
            self._gathered, self._newest = [], []
        while self._waiting:
            self._await(self._waiting[0])
            self._waiting.popleft()
        confirmed, self._confirmed = self._confirmed, []
        self._seal_when_many()
        self._uncover()
        return confirmed

    def _await(self, batch: _Batch) -> None:
        try:
            done = batch.done.result()
        except Unavailable:
            self._send_again()
            if batch.final:
                raise
        else:
            self._confirmed.append(replace(done, first=self._shown.confirmed(done.samples)))

    def _send_again(self) -> None:
        """Send the batch that has failed and all behind it, which were refused then: a later value is never written first."""
        self._series += 1
        for batch in self._waiting:
            self._metrics.of(m.PROVISIONAL_DROPPED).inc(batch.provisional)
            batch.provisional = 0
            batch.done = self._thread.submit(self._upsert, batch.final, self._series)

    def remove(self, over: Mapping[str, int]) -> None:
        """Write nothing more of these sources up to these lives, and delete what was written."""
        self._over.note(over, time.monotonic())

    def delete_some(self) -> None:
        """Go on with deleting, without waiting; what Milvus did not confirm is deleted again.

        As many sources at a time as one read can tell of: rows that wait to be written go in between.
        """
        if self._deleting is not None:
            if not self._deleting.done():
                return
            self._over.deleted(self._deleting.result())
            self._deleting = None
        if deleting := some_of(self._over.to_delete(time.monotonic())):
            self._deleting = self._thread.submit(self._delete, deleting)

    def close(self) -> None:
        """Delete the provisional rows that are covered, and end the threads; what they were given they finish."""
        self._uncover_at = 0.0
        self._uncover()
        self._thread.shutdown()
        self._sealing.shutdown()

    def _send(self, final: list[Held], provisional: list[Held]) -> None:
        done = self._thread.submit(self._upsert, [*provisional, *final], self._series)
        self._waiting.append(_Batch(final, len(provisional), done))

    def _upsert(self, held: list[Held], series: int) -> Confirmed:
        if series == self._failed_series:
            raise Unavailable("a batch before this one is not written yet")
        if not self._is_sure():
            self._failed_series = series
            raise Unavailable("this process stood still: others may have its partitions by now")
        samples = [sample for sample, holding in held if not (holding.is_over or self._over.covers(sample))]
        began = time.monotonic()
        try:
            if rows := self._to_write(samples):
                self._store.upsert(rows)
        except Unavailable:
            self._failed_series = series
            raise
        self._metrics.of(m.UPSERT_SECONDS).observe(time.monotonic() - began)
        provisional = sum(sample.provisional for sample in samples)
        self._metrics.of(m.ROWS).inc(len(samples) - provisional)
        self._metrics.of(m.PROVISIONAL_ROWS).inc(provisional)
        self._unsealed += len(samples)
        return Confirmed(samples, int(time.time() * 1000))

    def _to_write(self, samples: Sequence[RowSample]) -> list[Row]:
        """Return the rows: of a moment that was sent twice only the last may go out, and what is replayed where there is none.

        Of two that are replayed the first stands, in one batch as in two.
        """
        rows = {row.id: row for row in map(row_of, (one for one in samples if not one.replayed))}
        replayed = {row.id: row for row in map(row_of, (one for one in reversed(samples) if one.replayed)) if row.id not in rows}
        there = self._store.which_of(sorted(replayed)) if replayed else set()
        return [*rows.values(), *(row for key, row in replayed.items() if key not in there)]

    def _delete(self, through: Mapping[str, int]) -> Mapping[str, int]:
        """Return what nothing is left of."""
        try:
            deleted = self._store.delete(through)
        except Unavailable as error:
            log.warning("removing again later", reason=str(error))
            time.sleep(1.0)
            return {}
        self._metrics.of(m.REMOVED_ROWS).inc(deleted)
        if deleted:
            log.info("rows removed", sources=len(through), rows=deleted)
        return through

    def _uncover(self) -> None:
        """Now and then delete the provisional rows that final ones cover; a search tells them apart until then."""
        if time.monotonic() < self._uncover_at or (self._uncovering is not None and not self._uncovering.done()):
            return
        if self._uncovering is not None:
            self._uncovering.result()
        self._shown.forget_orphans(int(time.time() * 1000))
        keys = self._shown.take_covered()
        self._uncovering = self._thread.submit(self._delete_keys, keys) if keys else None
        self._uncover_at = time.monotonic() + UNCOVER_SECONDS

    def _delete_keys(self, keys: Sequence[str]) -> None:
        try:
            for first in range(0, len(keys), BATCH_ROWS):
                self._store.delete_keys(keys[first : first + BATCH_ROWS])
        except Unavailable as error:
            log.warning("provisional rows are left to be swept", rows=len(keys), reason=str(error))

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

"""The state of a source, computed from what decoder and indexer say of it and from what a strong read has seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from schemas.messages import Camera, ChunkStatus, Plan, Source, SourceStatus, State
from services.query.freshness import Newest

REORDERED_MS: Final = 300
"""The last packet of a file may be shown some frames before its last picture."""
SHOWN_MS: Final = 60_000
"""So long after the last sample was due a last picture may still be shown."""


@dataclass(frozen=True)
class SourceView:
    """How far a source is: the state, why, and since when the decoder says so.

    Of a file: `progress` is 0 to 1, None until a plan is known; `samples` is how many the plan expects. Of a live source: its
    newest row that this process has heard of, how long that took to become searchable, and rows a second while it runs.
    """

    state: State
    error: str | None = None
    since_ms: int | None = None
    progress: float | None = None
    chunks_done: int = 0
    chunks_planned: int | None = None
    rows: int | None = None
    samples: int | None = None
    duration_ms: int | None = None
    camera: Camera | None = None
    last_t_ms: int | None = None
    last_sample_at: str | None = None
    searchable_seconds: float | None = None
    samples_per_second: float | None = None


def live_view(source: Source, status: SourceStatus | None, newest: Newest | None) -> SourceView:
    """Compute the view of a camera or a push source from its newest status and its newest row."""
    status = _in_life(source, status)
    state, error = _state(source, status, indexed=False)
    since_ms, camera = (status.since_ms, status.camera) if status is not None else (None, None)
    if newest is None or newest.row.life != source.life:
        return SourceView(state, error, since_ms, camera=camera)
    return SourceView(
        state,
        error,
        since_ms,
        camera=camera,
        last_t_ms=newest.row.t_ms,
        last_sample_at=newest.captured_at,
        searchable_seconds=newest.searchable_seconds,
        samples_per_second=newest.samples_per_second if state in ("running", "catching-up") else None,
    )


def file_view(
    source: Source, status: SourceStatus | None, chunks: Mapping[int, ChunkStatus], confirmed_rows: int | None
) -> SourceView:
    """Compute the view of a file from its newest status and the chunks done in this life.

    A file is indexed when every planned chunk is done and a strong read has seen all the rows that they promise.
    """
    status = _in_life(source, status)
    plan = _plan(source, status)
    rows = promised_rows(chunks)
    indexed = confirmed_rows is not None and confirmed_rows >= rows and is_done(source, status, chunks)
    state, error = _state(source, status, indexed=indexed)
    since_ms = status.since_ms if status is not None else None
    if plan is None:
        return SourceView(state, error, since_ms, rows=rows)
    done = sum(span.index in chunks for span in plan.chunks)
    progress = done / len(plan.chunks) if plan.chunks else 1.0
    samples = max(1, ceil(plan.duration_ms * plan.sample_fps / 1000)) if plan.chunks else 0
    return SourceView(state, error, since_ms, progress, done, len(plan.chunks), rows, samples, plan.duration_ms)


def is_done(source: Source, status: SourceStatus | None, chunks: Mapping[int, ChunkStatus]) -> bool:
    """Return whether a file is planned and the indexer has reported every chunk of the plan."""
    plan = _plan(source, status)
    return plan is not None and all(span.index in chunks for span in plan.chunks)


def rises(source: Source, status: SourceStatus | None, chunks: Mapping[int, ChunkStatus]) -> bool:
    """Return whether the timestamps of a file are known to rise to its end.

    Where they begin anew in the middle, its rows go on for longer than its first and its last timestamp are apart; or they end
    long before, where FFmpeg has taken the second beginning for a wrap, 26 hours on.
    """
    plan = _plan(source, status)
    last_ms = max((chunk.last_t_ms or 0 for chunk in chunks.values()), default=0)
    if plan is None or not is_done(source, status, chunks):
        return False
    return -REORDERED_MS <= plan.duration_ms - last_ms <= 1000 / plan.sample_fps + SHOWN_MS


def promised_rows(chunks: Mapping[int, ChunkStatus]) -> int:
    """Return how many rows the reported chunks have in the vector store."""
    return sum(chunk.rows for chunk in chunks.values())


def _in_life(source: Source, status: SourceStatus | None) -> SourceStatus | None:
    return status if status is not None and status.life == source.life else None


def _plan(source: Source, status: SourceStatus | None) -> Plan | None:
    plan = status.plan if status is not None else None
    return plan if plan is not None and plan.life == source.life else None


def _state(source: Source, status: SourceStatus | None, *, indexed: bool) -> tuple[State, str | None]:
    if status is not None and status.state == "failed":
        return "failed", status.error
    notices = _notices(status)
    if indexed:
        return "indexed", notices
    if source.wanted == "paused":
        return "paused", notices
    if source.kind == "push":
        return "running", None
    if status is None:
        return "waiting", None
    return ("waiting" if status.state == "paused" else status.state), status.error or notices


def _notices(status: SourceStatus | None) -> str | None:
    """Return what is wrong with a file though it is indexed as far as it goes."""
    return "; ".join(status.notices) or None if status is not None else None

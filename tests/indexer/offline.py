"""The result that the indexer must give, computed from a whole log at once, in float64, the slow and obvious way."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from services.indexer.core.entry import Entry
from services.indexer.core.settings import Smoothing

Rows = dict[tuple[str, int, int], np.ndarray]
Ends = dict[str, tuple[int, int | None]]


@dataclass
class _Taken:
    seq: int
    t_ms: int
    context: bool
    vector: np.ndarray | None


@dataclass
class _Run:
    order: tuple[int, int]
    source_id: str
    taken: list[_Taken] = field(default_factory=list)
    closed: bool = False
    samples: int | None = None
    """How many it has, once its end says so."""


def offline(log: Sequence[Entry], smoothing: Smoothing) -> tuple[Rows, Ends]:
    """Return the rows by (source_id, life, t_ms), and the rows and last t_ms of each stream that has ended and came whole."""
    rows: Rows = {}
    ends: Ends = {}
    for stream, runs in _runs(log, rows).items():
        for run in runs:
            made = _rows_of(run, smoothing)
            rows.update({(run.source_id, run.order[0], t_ms): vector for t_ms, vector in made.items()})
            if run.samples is not None and [one.seq for one in run.taken] == list(range(max(run.samples, len(run.taken)))):
                ends[stream] = (len(made), max(made, default=None))
    return rows, ends


def _runs(log: Sequence[Entry], rows: Rows) -> dict[str, list[_Run]]:
    runs: dict[str, list[_Run]] = {}
    for entry in log:
        headers = entry.headers
        mine = runs.setdefault(headers.stream, [])
        newest = mine[-1] if mine else None
        if headers.mark in ("run_end", "stream_end"):
            _close(mine, entry)
            continue
        if headers.run is None or headers.seq is None or headers.t_ms is None:
            if not headers.context and entry.vector is not None:
                rows[headers.source_id, entry.life, headers.t_ms or 0] = entry.vector.astype(np.float64)
            continue
        order = (entry.life, headers.run)
        if newest is None or order > newest.order:
            if newest:
                newest.closed = True
            newest = _Run(order, headers.source_id)
            mine.append(newest)
        last = newest.taken[-1] if newest.taken else None
        if order < newest.order or newest.closed or (last and (headers.seq <= last.seq or headers.t_ms <= last.t_ms)):
            continue
        vector = None if entry.vector is None else entry.vector.astype(np.float64)
        if headers.mark == "same" and last and last.seq + 1 == headers.seq:
            vector = last.vector
        newest.taken.append(_Taken(headers.seq, headers.t_ms, headers.context, vector))
    return runs


def _close(runs: list[_Run], mark: Entry) -> None:
    headers = mark.headers
    if not runs and headers.mark == "stream_end":
        runs.append(_Run((mark.life, headers.run or 0), headers.source_id))
    if runs and (headers.run is None or headers.run >= runs[-1].order[1]):
        if headers.mark == "stream_end" and runs[-1].samples is None:
            runs[-1].samples = headers.samples or 0
        runs[-1].closed = True


def _parts(taken: list[_Taken], smoothing: Smoothing) -> list[int]:
    """Number the part of each record; a record without a vector has a part of its own."""
    parts: list[int] = []
    part, distances = 0, []  # type: ignore[var-annotated]
    for i, sample in enumerate(taken):
        before = taken[i - 1] if i else None
        unbroken = (
            before is not None
            and before.vector is not None
            and sample.vector is not None
            and before.seq + 1 == sample.seq
            and sample.t_ms - before.t_ms <= smoothing.reach_ms
        )
        if not unbroken:
            part, distances = part + 1, []
        else:
            assert before is not None
            assert before.vector is not None
            assert sample.vector is not None
            distance = 1 - float(before.vector @ sample.vector)
            history = distances[-(smoothing.cut_memory - 1) :]
            threshold = smoothing.cut_fixed_threshold
            if len(history) == smoothing.cut_memory - 1:
                median = float(np.median(history))
                spread = float(np.median(np.abs(np.array(history) - median)))
                threshold = max(threshold / 3, median + smoothing.cut_deviations * spread)
            part += distance > threshold
            distances.append(distance)
        parts.append(part)
    return parts


def _rows_of(run: _Run, smoothing: Smoothing) -> dict[int, np.ndarray]:
    parts = _parts(run.taken, smoothing)
    made: dict[int, np.ndarray] = {}
    for i, sample in enumerate(run.taken):
        later = run.taken[-1].t_ms - sample.t_ms > smoothing.reach_ms
        final = run.closed or later or parts[-1] != parts[i] or run.taken[-1].vector is None or smoothing.sigma_seconds == 0
        if sample.vector is None or sample.context or not final:
            continue
        total = np.zeros_like(sample.vector)
        for other, part in zip(run.taken, parts, strict=True):
            gap_ms = other.t_ms - sample.t_ms
            if part == parts[i] and other.vector is not None and abs(gap_ms) <= smoothing.reach_ms:
                weight = np.exp(-((gap_ms / 1000) ** 2) / (2 * smoothing.sigma_seconds**2)) if gap_ms else 1.0
                total = total + weight * other.vector
        made[sample.t_ms] = total / np.linalg.norm(total)
    return made

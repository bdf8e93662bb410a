"""From the score curve of a stretch of one source to the segments that match. Pure: rows in, segments out.

A row's vector is smoothed over time, so a moment that begins sharply is a ramp in the curve:

    true moment            ┌──────────┐
    curve              _.-'            '-._        the ramp is point-symmetric about the true edge,
    half height  - - - -|- - - - - - - -|- - -     so the curve is at half its height there, whatever sigma is
    samples          .  .  .  .  .  .  .  .  .

A segment is therefore cut at half the height between the level of what matches and the level of what does not.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

DIP_MS: Final = 2_000
"""A dip below the threshold of at most this length does not end a segment: two windows of smoothing at sigma = 1 s meet in it."""
GAP_PERIODS: Final = 4
"""Two rows further apart than this many sample periods are not neighbours: nothing was captured between them."""
SEPARABLE: Final = 0.8
"""Share of the variance that a split in two explains, from which a curve has two levels. A uniform one has 0.75 (Otsu 1979)."""
CONTRAST: Final = 0.2
"""Least drop between two levels, as a share of the upper one's height over the background."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A half-open span [start_ms, end_ms) of positive length; `peak` is the place of its best row in the curve."""

    start_ms: int
    end_ms: int
    peak: int


def find_segments(t_ms: Times, scores: Scores, background: float, period_ms: int) -> list[Segment]:
    """Return the segments of a curve in time order; they never overlap, and hold every row at or above the threshold.

    `t_ms` is strictly increasing. `background` is the score of pictures that have nothing to do with the query, `period_ms` the
    sample period where the rows do not tell it.
    """
    if t_ms.size == 0:
        return []
    period_ms = sample_period(t_ms, period_ms)
    chosen = np.flatnonzero(scores >= threshold(scores, background))
    return [_segment(t_ms, scores, run, period_ms) for run in _runs(t_ms, chosen, period_ms)]


def threshold(scores: Scores, background: float) -> float:
    """Return half the height of the best row over the level of what does not match.

    That level is the curve's own where the curve clearly has two, else `background`: what matches everywhere is one segment.
    """
    low, high = split(scores)
    best = float(scores.max())
    if high - low < CONTRAST * (best - background):
        low, high = min(background, best), best
    return (low + high) / 2


def split(scores: Scores) -> tuple[float, float]:
    """Return the mean levels of a curve's two classes by Otsu's criterion; the same number twice where one level explains it."""
    ordered = np.sort(scores)
    total = float(np.var(ordered)) * ordered.size
    if ordered.size < 4 or total < 1e-12:
        return float(ordered.mean()), float(ordered.mean())
    below = np.arange(1, ordered.size)
    sums = np.cumsum(ordered)[:-1]
    low, high = sums / below, (ordered.sum() - sums) / (ordered.size - below)
    between = below * (ordered.size - below) / ordered.size * (high - low) ** 2
    best = int(np.argmax(between))
    if between[best] < SEPARABLE * total:
        return float(ordered.mean()), float(ordered.mean())
    return float(low[best]), float(high[best])


def sample_period(t_ms: Times, default_ms: int) -> int:
    """Return the usual distance of neighbouring rows, `default_ms` for a single one."""
    return max(1, int(np.median(np.diff(t_ms)))) if t_ms.size > 1 else max(1, default_ms)


def _runs(t_ms: Times, chosen: npt.NDArray[np.intp], period_ms: int) -> list[tuple[int, int]]:
    """Join chosen rows over short dips and never over gaps; return first and last row of each run."""
    gaps = np.concatenate([[0], np.cumsum(np.diff(t_ms) > GAP_PERIODS * period_ms)])
    far = np.diff(t_ms[chosen]) > max(DIP_MS, period_ms)
    apart = (far & (np.diff(chosen) > 1)) | (np.diff(gaps[chosen]) > 0)
    firsts, lasts = np.flatnonzero(np.concatenate([[True], apart])), np.flatnonzero(np.concatenate([apart, [True]]))
    return [(int(chosen[first]), int(chosen[last])) for first, last in zip(firsts, lasts, strict=True)]


def _segment(t_ms: Times, scores: Scores, run: tuple[int, int], period_ms: int) -> Segment:
    first, last = run
    before = int(t_ms[first] - t_ms[first - 1]) if first > 0 else period_ms
    after = int(t_ms[last + 1] - t_ms[last]) if last + 1 < t_ms.size else period_ms
    start_ms = int(t_ms[first]) - min(before, period_ms) // 2
    end_ms = int(t_ms[last]) + (min(after, period_ms) + 1) // 2
    return Segment(start_ms, end_ms, first + int(np.argmax(scores[first : last + 1])))

"""The score curves of the windows that were read, and the hits in them. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.messages import Source
from services.query.question import Question
from services.query.ranking import Found
from services.query.segments import Segment, find_segments, sample_period
from services.query.windows import Window, merge

LONGEST_PERIOD_MS: Final = 86_400_000
"""A sample a day: rates below were taken once, down to those whose period no number holds."""
ROWS_BUDGET: Final = 10_000
"""Most rows that one search reads with their vectors: about 10 MB at 256 dimensions."""
DENSE: Final = 2.0
"""Rows that lie more than so many times as dense as their source's record says are dense."""


@dataclass(frozen=True)
class Rows:
    """Rows with their vectors [n, dimension]; the other arrays have shape [n]."""

    source_no: npt.NDArray[np.int64]
    life: npt.NDArray[np.int64]
    t_ms: npt.NDArray[np.int64]
    captured_ms: npt.NDArray[np.int64]
    provisional: npt.NDArray[np.bool_]
    vectors: npt.NDArray[np.float32]
    whole: bool = True
    """Whether these are all that there are; where more match than one read gives, nobody chooses which come."""


@dataclass(frozen=True)
class Curve:
    """The rows of one window in time order, and the segments of their scores."""

    source: Source
    t_ms: npt.NDArray[np.int64]
    captured_ms: npt.NDArray[np.int64]
    provisional: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float64]
    segments: list[Segment]


def one_a_moment(rows: Rows) -> Rows:
    """Return the rows with each source in time order; a final row stands in place of the provisional one of its moment."""
    order = np.lexsort((rows.provisional, rows.t_ms, rows.life, rows.source_no))
    moments = np.stack([rows.source_no, rows.life, rows.t_ms])[:, order]
    kept = order[np.concatenate([[True], np.any(np.diff(moments) != 0, axis=0)])[: order.size]]
    return Rows(
        rows.source_no[kept],
        rows.life[kept],
        rows.t_ms[kept],
        rows.captured_ms[kept],
        rows.provisional[kept],
        rows.vectors[kept],
        rows.whole,
    )


def cost(window: Window, fps: float) -> float:
    """Return about how many rows lie in a window."""
    return (window.last_ms - window.first_ms) / 1000 * fps


def affordable(windows: Sequence[Window], sources: Mapping[int, Source]) -> list[Window]:
    """Keep the first windows whose rows, by the records of their sources, the budget pays for; at least one."""
    costs = accumulate(cost(window, sources[window.source_no].sample_fps) for window in windows)
    return [window for window, total in zip(windows, costs, strict=True) if total <= ROWS_BUDGET] or list(windows[:1])


def cut(rows: Rows, windows: Sequence[Window], question: Question, sources: Mapping[int, Source]) -> dict[Window, Curve]:
    """Return the curve of each window from the rows of all of them, each source in time order and one row a moment."""
    score = (rows.vectors.reshape(-1, question.vector.size) @ question.vector).astype(np.float64)
    curves = {}
    for window in windows:
        in_time = (rows.t_ms >= window.first_ms) & (rows.t_ms <= window.last_ms)
        mine = np.flatnonzero((rows.source_no == window.source_no) & in_time)
        source, t_ms = sources[window.source_no], rows.t_ms[mine]
        segments = find_segments(t_ms, score[mine], question.background, _period_ms(source))
        curves[window] = Curve(source, t_ms, rows.captured_ms[mine], rows.provisional[mine], score[mine], segments)
    return curves


def grown(window: Window, curve: Curve, growth_ms: int) -> Window:
    """Return the window with `growth_ms` more at each side where a segment has reached its end, though the source goes on."""
    if not curve.segments:
        return window
    edge_ms = 2 * sample_period(curve.t_ms, _period_ms(curve.source))
    left = curve.segments[0].start_ms <= curve.t_ms[0] and curve.t_ms[0] - window.first_ms < edge_ms
    right = curve.segments[-1].end_ms > curve.t_ms[-1] and window.last_ms - curve.t_ms[-1] < edge_ms
    return window.grown(left_ms=growth_ms if left else 0, right_ms=growth_ms if right else 0)


def lengthened(curves: Mapping[Window, Curve], growth_ms: int) -> list[Window]:
    """Return the windows, merged, each with `growth_ms` more where it is `grown`, if the budget pays for all of that.

    Where it does not, windows of sources whose rows lie dense stay as they are, so that the others may grow; else all do.
    """
    fps: dict[int, float] = {}
    for window, curve in curves.items():
        fps[window.source_no] = max(fps.get(window.source_no, 0.0), _fps(window, curve))
    for most in (np.inf, DENSE):
        longer = merge(
            grown(window, curve, growth_ms) if fps[window.source_no] <= most * curve.source.sample_fps else window
            for window, curve in curves.items()
        )
        if sum(cost(window, fps[window.source_no]) for window in longer) <= ROWS_BUDGET:
            return longer
    return merge(curves)


def hits_of(curves: Iterable[Curve]) -> Iterator[Found]:
    """Return the segments of all curves. None begins before the first frame of a file."""
    for curve in curves:
        for segment in curve.segments:
            yield Found(
                source_id=curve.source.source_id,
                life=curve.source.life,
                start_ms=max(0, segment.start_ms) if curve.source.kind == "file" else segment.start_ms,
                end_ms=segment.end_ms,
                peak_ms=int(curve.t_ms[segment.peak]),
                captured_ms=int(curve.captured_ms[segment.peak]),
                score=float(curve.score[segment.peak]),
                provisional=bool(curve.provisional[segment.peak]),
                playable=curve.source.kind == "file" or (curve.source.kind == "camera" and curve.source.record),
            )


def _fps(window: Window, curve: Curve) -> float:
    """Return the rows a second as they were read, or by the source's record if that says more.

    They lie denser than it says where a camera's rate was lowered since, and where whoever pushes frames sends more.
    """
    return max(curve.source.sample_fps, (curve.t_ms.size - 1) * 1000 / max(1, window.last_ms - window.first_ms))


def _period_ms(source: Source) -> int:
    return max(1, round(min(1000 / source.sample_fps, LONGEST_PERIOD_MS)))

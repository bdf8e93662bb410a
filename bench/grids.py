"""Whether two ways to sample a camera fill the same grid, with pictures of the moments that their times say."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.footage import FPS, LOOP_MS

PERIOD_MS = 1000


@dataclass(frozen=True)
class Shown:
    """A sampled picture: its time, and the number of the frame that it was."""

    t_ms: int
    number: int | None


@dataclass(frozen=True)
class Filled:
    """How a stretch of the grid was filled: points with exactly one sample, of so many; how far after its point a sample lies."""

    points: int
    filled: int
    after_ms: float


def filled(samples: Sequence[Shown], began_ms: float, ended_ms: float) -> Filled:
    """Count the points of [began_ms, ended_ms] that have exactly one sample; the first and last second are left out."""
    points = range(int(began_ms) // PERIOD_MS + 1, int(ended_ms) // PERIOD_MS)
    times = [sample.t_ms for sample in samples]
    counts = [sum(t_ms // PERIOD_MS == point for t_ms in times) for point in points]
    inside = [t_ms % PERIOD_MS for t_ms in times if t_ms // PERIOD_MS in points]
    return Filled(len(points), counts.count(1), median(inside) if inside else 0.0)


def deviation_ms(samples: Sequence[Shown]) -> float:
    """Return how far the times of a looping camera's pictures are from what the others say, at most.

    Frame n is shown n frames after a beginning, but for whole loops: all pictures must name the same one.
    """
    beginnings = _beginnings(samples)
    return max(abs(_apart(one, beginnings[-1])) for one in beginnings)


def earliest_ms(samples: Sequence[Shown], arrived: Sequence[Shown]) -> float:
    """Return how long after its time a picture arrived at another reader of the same camera, at least."""
    beginning = _beginnings(samples)[-1]
    return min(_apart(one, beginning) for one in _beginnings(arrived))


def _beginnings(samples: Sequence[Shown]) -> list[float]:
    assert all(sample.number is not None for sample in samples), "a picture whose number cannot be read"
    return [(sample.t_ms - (sample.number or 0) * 1000 / FPS) % LOOP_MS for sample in samples]


def _apart(one: float, other: float) -> float:
    """Return how far `one` is after `other`, the shorter way round."""
    return (one - other + LOOP_MS / 2) % LOOP_MS - LOOP_MS / 2

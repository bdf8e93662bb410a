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


def farthest_ms(samples: Sequence[Shown], others: Sequence[Shown]) -> float:
    """Return how far the times of pictures may be from those that another reader gave to the same camera's pictures.

    A looping camera shows frame n at a time that is n frames after a beginning, but for whole loops.
    """
    ours, theirs = _beginnings(samples), _beginnings(others)
    middle = _circular_median(theirs)
    return max(abs(_apart(one, middle)) for one in ours)


def _beginnings(samples: Sequence[Shown]) -> list[float]:
    assert all(sample.number is not None for sample in samples), "a picture whose number cannot be read"
    return [(sample.t_ms - (sample.number or 0) * 1000 / FPS) % LOOP_MS for sample in samples]


def _circular_median(values: Sequence[float]) -> float:
    first = values[0]
    return first + median(_apart(value, first) for value in values)


def _apart(one: float, other: float) -> float:
    """Return how far `one` is after `other`, the shorter way round."""
    return (one - other + LOOP_MS / 2) % LOOP_MS - LOOP_MS / 2

"""Whether a value stays: a robust slope and what is known of it. Pure."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from bench.soak.samples import Points

HOUR_SECONDS: Final = 3600.0
WARM_UP_SHARE: Final = 5 / 11
"""Of the load's time, so fifty minutes before an hour: caches fill, heaps find their size, and what is kept for a while reaches
its age, the journals of cameras that of 46 minutes."""
STRETCHES: Final = 48
"""What comes after the warm-up is cut into so many stretches; each counts by its median, so a spike is no trend."""
TENTHS: Final = 10
"""What is compared of the beginning and the end is cut into fewer: each is longer than what comes and goes every five minutes."""
SURE: Final = 1.96
"""Standard deviations of Kendall's S that 95 % lie within."""


@dataclass(frozen=True)
class Slope:
    """What is added in an hour, and the 95 % interval of it."""

    an_hour: float
    low: float
    high: float

    def is_flat(self, tolerated_an_hour: float) -> bool:
        """Whether nothing says that the value grows: its interval reaches down to zero, or the slope is tolerable."""
        return self.low <= 0.0 or self.an_hour <= tolerated_an_hour


def warm(points: Points, ended_seconds: float) -> Points:
    """Return what was seen after the warm-up."""
    return [point for point in points if WARM_UP_SHARE * ended_seconds <= point[0] <= ended_seconds]


def medians(points: Points, stretches: int = STRETCHES) -> Points:
    """Return the medians, of time and value, of each of so many equal stretches of time; those without a value are left out."""
    return [(float(np.median(part[:, 0])), float(np.median(part[:, 1]))) for part in _cut(points, stretches)]


def saw(points: Points) -> float:
    """Return how far a value goes up and down within a tenth of the time, from its 10th to its 90th percentile.

    It is the median of the tenths: one step lies in one of them, and so cannot pass for a saw.
    """
    spreads = [np.subtract(*np.percentile(part[:, 1], [90, 10])) for part in _cut(points, TENTHS)]
    return float(np.median(spreads)) if spreads else 0.0


def theil_sen(points: Points) -> Slope:
    """Return the median of the slopes between all pairs of points, with Sen's interval (Sen 1968, JASA 63:1379, ties counted).

    Raises `ValueError` for fewer than three points: they say nothing of a trend.
    """
    if len(points) < 3:
        raise ValueError(f"{len(points)} points have no slope: three or more are needed")
    times, values = np.array(points).T
    earlier, later = np.triu_indices(len(points), 1)
    slopes = np.sort((values[later] - values[earlier]) / (times[later] - times[earlier])) * HOUR_SECONDS
    spread = SURE * _kendall_deviation(values)
    low = max(0, round((slopes.size - spread) / 2) - 1)
    high = min(slopes.size - 1, round((slopes.size + spread) / 2))
    return Slope(float(np.median(slopes)), float(slopes[low]), float(slopes[high]))


def _cut(points: Points, stretches: int) -> list[np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Return the points of each of so many equal stretches of time, as rows; a stretch without any is left out."""
    if not points:
        return []
    rows = np.array(points)
    times = rows[:, 0]
    edges = np.linspace(times.min(), np.nextafter(times.max(), np.inf), stretches + 1)
    places = np.digitize(times, edges) - 1
    return [rows[places == place] for place in range(stretches) if np.any(places == place)]


def _kendall_deviation(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return the standard deviation of Kendall's S where there is no trend."""
    n, ties = values.size, np.unique(values, return_counts=True)[1]
    variance = n * (n - 1) * (2 * n + 5) - float(np.sum(ties * (ties - 1) * (2 * ties + 5)))
    return sqrt(variance / 18)

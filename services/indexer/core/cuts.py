"""Where one shot ends and another begins, decided from a small number of earlier samples."""

from collections import deque
from typing import Final

from services.indexer.core.settings import Smoothing

FLOOR: Final = 1 / 3
"""No distance below this share of the fixed threshold is a cut."""


class CutDetector:
    """Judges each sample of an unbroken sequence by its cosine distance to the one before it.

    The verdict on a sample depends on it and on the `cut_memory` samples before it, and on nothing else.
    """

    def __init__(self, smoothing: Smoothing) -> None:
        self._fixed, self._deviations = smoothing.cut_fixed_threshold, smoothing.cut_deviations
        self._recent: deque[float] = deque(maxlen=smoothing.cut_memory - 1)

    def is_cut(self, distance: float, *, from_beginning: bool) -> bool:
        """Judge the next sample. `from_beginning` False: the sequence was entered in the middle, and nothing is decided until
        as many samples are known as the verdict depends on."""
        recent = self._recent
        known = len(recent) == recent.maxlen
        cut = (
            distance > self._fixed * FLOOR
            and (known or from_beginning)
            and distance > (self._adapted() if known and recent else self._fixed)
        )
        recent.append(distance)
        return cut

    def _adapted(self) -> float:
        median = _median(self._recent)
        return median + self._deviations * _median([abs(distance - median) for distance in self._recent])


def _median(values: deque[float] | list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2

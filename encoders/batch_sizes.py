"""Batches as a GPU takes them: cut into pieces, and each piece filled up to a size that something was prepared for. Pure."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64)
"""Sizes that a graph is captured for: at most half of a piece is filling, and the largest is where GPUs gain no more."""


def bucket_of(count: int, buckets: tuple[int, ...] = BUCKETS) -> int:
    """Return the smallest bucket that holds `count` rows."""
    return next(bucket for bucket in buckets if bucket >= count)


def pieces(rows: npt.NDArray[np.generic], most: int = BUCKETS[-1]) -> Iterator[npt.NDArray[np.generic]]:
    """Yield `rows` in pieces of at most `most`, in order."""
    for start in range(0, len(rows), most):
        yield rows[start : start + most]

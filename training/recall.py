"""Recall at k."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Figures = dict[str, float]


def recalls(name: str, scores: npt.NDArray[np.float32], holds: npt.NDArray[np.bool_], at: Sequence[int]) -> Figures:
    """Share of the columns of `scores` with a true row among the first k: {"name R@k": share}."""
    order = np.argsort(-scores, axis=0)
    true = np.take_along_axis(holds, order, axis=0)
    return {f"{name} R@{k}": float(true[:k].any(axis=0).mean()) for k in at}

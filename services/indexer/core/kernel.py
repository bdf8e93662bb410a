"""The smoothing window: a Gaussian over real time, truncated and renormalised."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float32]
Times: TypeAlias = npt.NDArray[np.int64]

SHORTEST = 1e-6


def window_starts(times_ms: Times, parts: Times, wanted: slice, reach_ms: float) -> npt.NDArray[np.intp]:
    """Return, for each wanted sample, the index of the first sample in its window."""
    return np.maximum(
        np.searchsorted(times_ms, times_ms[wanted] - reach_ms, side="left"),
        np.searchsorted(parts, parts[wanted], side="left"),
    )


def smooth(times_ms: Times, parts: Times, vectors: Vector, wanted: slice, sigma_seconds: float, reach_ms: float) -> Vector:
    """Return the smoothed unit vectors of the wanted samples, shape (wanted, dimension).

    Sample i becomes normalise(Σ_j w(t_j − t_i) v_j) with w(d) = exp(−d² / 2σ²) for |d| <= 3σ, over the samples j of its part.
    Where vectors cancel each other out, the sample's own stands.
    """
    distances_ms = (times_ms[np.newaxis, :] - times_ms[wanted, np.newaxis]).astype(np.float64)
    inside = (np.abs(distances_ms) <= reach_ms) & (parts[np.newaxis, :] == parts[wanted, np.newaxis])
    weights = np.where(inside, np.exp(-0.5 * (distances_ms / (1000 * sigma_seconds)) ** 2), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    sums = weights.astype(np.float32) @ vectors
    lengths = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, np.newaxis]
    return np.where(lengths > SHORTEST, sums / np.maximum(lengths, SHORTEST), vectors[wanted])

"""How a collection's rows are made from samples."""

from dataclasses import dataclass
from typing import Final

from schemas.limits import LARGEST_CUT_MEMORY, LARGEST_SIGMA_SECONDS, SMOOTHING_REACH_SIGMAS

SHORTEST_CUT_MEMORY: Final = 4
"""A median of fewer distances says nothing."""


@dataclass(frozen=True)
class Smoothing:
    """The smoothing window and the cut detector. They belong to a collection, as its space does.

    `sigma_seconds` 0 switches smoothing off. A cut is a cosine distance between neighbours above `cut_fixed_threshold` until
    `cut_memory` earlier samples are known, then above median + `cut_deviations` · MAD of the distances among those, and never
    below a third of the fixed threshold: a still scene has almost no deviation, and its noise is no cut.
    """

    sigma_seconds: float = 0.5
    cut_memory: int = 8
    cut_fixed_threshold: float = 0.3
    cut_deviations: float = 6.0

    def __post_init__(self) -> None:
        if not 0 <= self.sigma_seconds <= LARGEST_SIGMA_SECONDS:
            raise ValueError(f"sigma is {self.sigma_seconds} s: margins are made for 0 to {LARGEST_SIGMA_SECONDS} s")
        if not SHORTEST_CUT_MEMORY <= self.cut_memory <= LARGEST_CUT_MEMORY:
            raise ValueError(f"cut memory is {self.cut_memory}: expected {SHORTEST_CUT_MEMORY} to {LARGEST_CUT_MEMORY} samples")

    @property
    def reach_ms(self) -> float:
        """Half the width of the window: what is further away has no weight."""
        return self.sigma_seconds * SMOOTHING_REACH_SIGMAS * 1000

"""What a picture shows, as numbers: one class for each thing that is known of enough training photos."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from training.world.captions import Fact

FEWEST_PHOTOS = 15
FILLERS = frozenset(
    re.findall(
        "[a-z]+",
        "a an and are as at by for from has have he her his in into is it its of off on onto or out over "
        "she some that the their them there they this through to up while who with",
    )
)
"""Words that name nothing which a picture could show."""


class FactClasses:
    """The labels, broader words and caption words that enough of `truths`, one set a photo, hold."""

    def __init__(self, truths: Iterable[frozenset[Fact]]) -> None:
        counts = Counter(fact for truth in truths for fact in truth if fact[0] == "is" and fact[1] not in FILLERS)
        often = sorted((fact for fact, count in counts.items() if count >= FEWEST_PHOTOS), key=str)
        self._places = {fact: place for place, fact in enumerate(often)}

    def __len__(self) -> int:
        return len(self._places)

    def targets(self, truths: Sequence[frozenset[Fact]]) -> npt.NDArray[np.float32]:
        """float32 [n, classes]: each row shares 1 between the classes that hold; zeros where none is known."""
        rows = np.zeros((len(truths), len(self)), np.float32)
        for row, truth in zip(rows, truths, strict=True):
            held = [self._places[fact] for fact in truth if fact in self._places]
            row[held] = 1 / max(1, len(held))
        return rows

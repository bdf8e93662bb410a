"""What is searched for, as vectors. Pure.

Some rows are near to everything. How near a row is to texts in general is its mean over the background texts that ship with the
encoder, v · m; a row is ranked by v · q − v · m = v · (q − m), which is one vector again and so goes into the search itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float32]
Kind = Literal["text", "image"]


@dataclass(frozen=True)
class Part:
    """A text or a picture of a query as a unit vector, and its weight."""

    kind: Kind
    vector: Vector
    weight: float


@dataclass(frozen=True)
class Question:
    """A query in one space. A row v is shown with the score v · vector and ranked by v · centred, both of shape (dimension,).

    `background` is the rank of pictures that have nothing to do with it; `threshold` the rank from which something counts as
    found, None where the encoder has none.
    """

    vector: Vector
    centred: Vector
    background: float
    threshold: float | None

    @property
    def direction(self) -> Vector:
        """`centred` at unit length, for a search by cosine."""
        return self.centred / np.linalg.norm(self.centred)


def ask(parts: Sequence[Part], texts: Vectors, images: Vectors, thresholds: Mapping[Kind, float] | None) -> Question:
    """Join the parts of a query by weight. `texts` and `images` are the encoder's backgrounds, of shape [n, dimension]."""
    total = sum(part.weight for part in parts)
    vector = _unit(np.sum([part.weight * part.vector for part in parts], axis=0))
    centred = vector - texts.mean(axis=0) if len(texts) else vector
    background = float(np.mean(images @ centred)) if len(images) else 0.0
    threshold = None if thresholds is None else sum(part.weight * thresholds[part.kind] for part in parts) / total
    return Question(vector, centred.astype(np.float32), background, threshold)


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)

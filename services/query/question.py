"""What is searched for, as vectors. Pure.

Some rows are near to every text. How near a row v is to texts in general is its mean over the background texts that ship with
the encoder, v · m; for a text it is ranked by v · q − v · m = v · (q − m): one vector again, so it goes into the search itself.
A picture is ranked by v · q: 98 of 115 pictures from known clips find their clip so, and 84 with the mean of the texts taken off.
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
    """A query in one space: a row v has the score v · `vector`.

    `background` is the score of pictures that have nothing to do with it; something was found where the best score is at least
    `threshold`, which is None where the encoder has none.
    """

    vector: Vector
    background: float
    threshold: float | None

    @property
    def direction(self) -> Vector:
        """`vector` at unit length, for a search by cosine."""
        return _unit(self.vector)


def ask(parts: Sequence[Part], texts: Vectors, images: Vectors, thresholds: Mapping[Kind, float] | None) -> Question:
    """Join the parts of a query by weight. `texts` and `images` are the encoder's backgrounds, of shape [n, dimension]."""
    total = sum(part.weight for part in parts)
    of_texts = sum(part.weight for part in parts if part.kind == "text") / total
    joined = _unit(np.sum([part.weight * part.vector for part in parts], axis=0))
    mean = texts.mean(axis=0) if len(texts) else np.zeros_like(joined)
    vector = np.asarray(joined - of_texts * mean, np.float32)
    background = float(np.mean(images @ vector)) if len(images) else 0.0
    threshold = None if thresholds is None else sum(part.weight * thresholds[part.kind] for part in parts) / total
    return Question(vector, background, threshold)


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)

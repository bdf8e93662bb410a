"""Real clips as rows: sampled twice a second and smoothed as the indexer does it."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import av
import numpy as np
import numpy.typing as npt

from encoders.encoder import Encoder, normalise
from encoders.folder import Vectors
from training.heldout import embed_pictures
from training.world.shapes import Pixels

PERIOD_SECONDS = 0.5
SIGMA_SECONDS = 0.5

Times = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class ClipRows:
    """Smoothed unit vectors [samples, dimension] of one clip, and the seconds they belong to."""

    name: str
    seconds: Times
    vectors: Vectors


def index_clips(encoder: Encoder, paths: Sequence[pathlib.Path]) -> list[ClipRows]:
    return [index_clip(encoder, path) for path in paths]


def index_clip(encoder: Encoder, path: pathlib.Path) -> ClipRows:
    samples = list(sampled(path))
    seconds = np.array([second for second, _ in samples])
    return ClipRows(path.stem, seconds, smoothed(embed_pictures(encoder, [picture for _, picture in samples]), seconds))


def sampled(path: pathlib.Path) -> Iterator[tuple[float, Pixels]]:
    """The first frame at or after each multiple of the period, with its seconds from the clip's first frame."""
    due = 0.0
    for second, frame in _frames(path):
        if second >= due:
            due = (second // PERIOD_SECONDS + 1) * PERIOD_SECONDS
            yield second, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def smoothed(vectors: Vectors, seconds: Times) -> Vectors:
    """A Gaussian mean over time, renormalised."""
    apart = (seconds[:, None] - seconds[None, :]) / SIGMA_SECONDS
    weights = np.exp(-(apart**2) / 2) * (np.abs(apart) <= 3)
    return normalise((weights @ vectors).astype(np.float32))


def picture_at(path: pathlib.Path, second: float) -> Pixels:
    """The first frame at or after `second`, which must lie within the clip."""
    for shown_at, frame in _frames(path):
        if shown_at >= second:
            return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    raise ValueError(f"{path} has no frame at {second:.1f} s: ask for a time within the clip")


def _frames(path: pathlib.Path) -> Iterator[tuple[float, av.VideoFrame]]:
    first = None
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            first = frame.time if first is None else first
            yield (frame.time or 0.0) - (first or 0.0), frame

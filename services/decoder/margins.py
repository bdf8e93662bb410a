"""Which samples of what is read belong to a chunk, counted in samples: how sparse they lie is known only while reading."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic

from services.decoder.plan import LEFT_SAMPLES, REACH_MS
from services.decoder.sampling import T


class LeftMarginTooShort(Exception):  # noqa: N818  what was found, and the reader's cue to begin earlier
    """What was read before a chunk's span holds too few samples for the first cut decisions in its windows."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A sample of a chunk: its number in its run, and whether it is a margin's. A stretch of a recording has several runs."""

    sample: T
    seq: int
    context: bool
    run: int = 0


def place(samples: Iterable[T | None], start_ms: int, end_ms: int, *, whole: bool) -> Iterator[Placed[T] | None]:
    """Number the samples of the chunk that owns [start_ms, end_ms), margins included, in the order of time.

    ```
    LEFT_SAMPLES | REACH_MS | start_ms ... end_ms | REACH_MS | one sample
    ```
    `whole`: the samples begin with the file's first, so there are none further left. None passes through: a moment in which
    the caller may look at the clock. A chunk that owns no sample has no margins either. Raises `LeftMarginTooShort` before
    the first sample is returned.
    """
    seq = 0
    for sample in _members(samples, start_ms, end_ms, whole):
        if sample is None:
            yield None
        else:
            yield Placed(sample, seq, context=not start_ms <= sample.t_ms < end_ms)
            seq += 1


def _members(samples: Iterable[T | None], start_ms: int, end_ms: int, whole: bool) -> Iterator[T | None]:
    left: list[T] | None = []
    for sample in samples:
        if sample is None:
            yield None
        elif left is not None and sample.t_ms < start_ms:
            left.append(sample)
            if len(left) > LEFT_SAMPLES and left[LEFT_SAMPLES].t_ms < start_ms - REACH_MS:
                del left[0]
        elif left is not None and sample.t_ms >= end_ms:
            return
        else:
            yield from _complete(left or [], start_ms, whole or left is None)
            left = None
            yield sample
            if sample.t_ms >= end_ms + REACH_MS:
                return


def _complete(left: list[T], start_ms: int, whole: bool) -> list[T]:
    if whole or (len(left) >= LEFT_SAMPLES and left[LEFT_SAMPLES - 1].t_ms < start_ms - REACH_MS):
        return left
    raise LeftMarginTooShort

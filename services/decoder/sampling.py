"""Which frames are sampled: a function of the timeline alone, whoever decodes and wherever a chunk begins."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar


class Timed(Protocol):
    """Anything on the timeline."""

    @property
    def t_ms(self) -> int:
        """Milliseconds from the first frame."""


T = TypeVar("T", bound=Timed)


class Grid:
    """Sample k is the first usable frame with t_ms >= k · period, and a frame is sampled once.

    ```
    grid      |        |        |        |
    frames    f  x   x f    x   |  f     f x
    ```
    """

    def __init__(self, sample_fps: float) -> None:
        """Take `sample_fps` as the decimal number that it is written as: 0.1 is exactly one sample in ten seconds."""
        per_ms = Fraction(str(sample_fps)) / 1000
        self._numerator, self._denominator = per_ms.numerator, per_ms.denominator

    def is_sample(self, previous_ms: int | None, t_ms: int) -> bool:
        """Whether the frame at `t_ms` is a sample; `previous_ms` is the usable frame before it, None for the file's first.

        A grid point lies in (previous_ms, t_ms] exactly when the number of grid points up to them differs.
        """
        return previous_ms is None or self._point(t_ms) > self._point(previous_ms)

    def samples(self, frames: Iterable[T | None], from_ms: int) -> Iterator[T | None]:
        """Yield the samples at or after `from_ms`; None passes through.

        The first of `frames` is the file's first, or lies before `from_ms`: it is then known only as what comes before.
        """
        previous_ms: int | None = None
        for frame in frames:
            if frame is None:
                yield None
                continue
            if frame.t_ms >= from_ms and self.is_sample(previous_ms, frame.t_ms):
                yield frame
            previous_ms = frame.t_ms

    def _point(self, t_ms: int) -> int:
        return t_ms * self._numerator // self._denominator

"""The arithmetic between a source's timeline and the presentation timestamps of one of its files."""

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Timeline:
    """A file's time: its first frame, whatever pts that has, is at `start_ms`. `time_base` is seconds per unit of pts."""

    time_base: Fraction
    first_pts: int
    start_ms: int = 0

    def t_ms(self, pts: int) -> int:
        """Return the time of a frame, as the index has it: floor(pts × time_base × 1000) from the first frame."""
        return self.start_ms + math.floor((pts - self.first_pts) * self.time_base * 1000)

    def pts_at(self, t_ms: int) -> int:
        """Return the least pts whose time is not before `t_ms`."""
        return self.first_pts + math.ceil(Fraction(t_ms - self.start_ms, 1000) / self.time_base)

    def pts_after(self, pts: int, seconds: Fraction | int) -> int:
        """Return `pts` moved by `seconds`, which may be negative."""
        return pts + math.floor(seconds / self.time_base)

    def seconds(self, pts: int) -> Fraction:
        """Return the exact time of a pts."""
        return Fraction(self.start_ms, 1000) + (pts - self.first_pts) * self.time_base

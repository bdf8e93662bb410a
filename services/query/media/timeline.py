"""The arithmetic between a source's timeline and the presentation timestamps of one of its files."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from originals.timestamps import LEAP_PTS

DISCONTINUITY_MS: Final = 1_000


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


class Continuation:
    """Moves timestamps that begin anew in the middle of a file to where the decoder has them: on, a millisecond after the last.

    What lies a second or more before the last picture begins anew, or has wrapped (`wrap_pts`), which is no break in time.
    """

    def __init__(self, timeline: Timeline, wrap_pts: int) -> None:
        self._timeline, self._wrap_pts = timeline, wrap_pts
        self._moves = [0]
        self._sound_stretch = 0
        self._last_pts = self._last_dts = self._last_sound_dts = -wrap_pts

    def picture(self, pts: int, dts: int) -> int:
        """Return by how much the next picture of the file is moved."""
        last_ms = self._timeline.t_ms(self._last_pts)
        if dts < self._last_dts and self._timeline.t_ms(pts + self._moves[-1]) <= last_ms - DISCONTINUITY_MS:
            wrapped = self._moves[-1] + self._wrap_pts
            goes_on = last_ms < self._timeline.t_ms(pts + wrapped) <= last_ms + DISCONTINUITY_MS
            self._moves.append(wrapped if goes_on else self._timeline.pts_at(last_ms + 1) - pts)
        self._last_dts, self._last_pts = dts, max(self._last_pts, pts + self._moves[-1])
        return self._moves[-1]

    def sound(self, dts: int) -> int | None:
        """Return by how much the next sound is moved; None where its pictures have not begun, which nobody misses."""
        self._sound_stretch += dts < self._last_sound_dts - LEAP_PTS
        self._last_sound_dts = dts
        return self._moves[self._sound_stretch] if self._sound_stretch < len(self._moves) else None

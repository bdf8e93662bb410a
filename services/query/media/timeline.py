"""The arithmetic between a source's timeline and the presentation timestamps of one of its files."""

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from originals.timestamps import nearest

DISCONTINUITY_MS: Final = 1_000
SOUND_WITHIN_SECONDS: Final = 10
"""No transport stream carries its sound so far from its pictures: what is further away has a damaged timestamp."""
MOVES_KEPT: Final = 8
"""More parts than may lie within those seconds, unless each is shorter than two."""


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

    What lies a second or more before the last picture begins anew. On the circle of `wrap_pts`, timestamps that wrap do not.
    """

    def __init__(self, timeline: Timeline, wrap_pts: int) -> None:
        self._timeline, self._wrap_pts = timeline, wrap_pts
        self._sound_within_pts = timeline.pts_after(0, SOUND_WITHIN_SECONDS)
        self._moves = deque([0], MOVES_KEPT)
        self._last_dts = timeline.first_pts
        self._last_pts = self._last_sound_dts = timeline.first_pts - wrap_pts

    def picture(self, pts: int, dts: int) -> int:
        """Return by how much the next picture of the file is moved."""
        move = nearest(dts + self._moves[-1], self._last_dts, self._wrap_pts) - dts
        last_ms = self._timeline.t_ms(self._last_pts)
        if dts + move < self._last_dts and self._timeline.t_ms(pts + move) <= last_ms - DISCONTINUITY_MS:
            move = self._timeline.pts_at(last_ms + 1) - pts
            self._moves.append(move)
        self._last_dts, self._last_pts = dts + move, max(self._last_pts, pts + move)
        return move

    def sound(self, dts: int) -> int | None:
        """Return by how much the next sound is moved: as those pictures of the last parts that it then lies nearest to.

        None for what is damaged, and for what would be heard before the last sound: its pictures have not begun.
        """
        now = max(self._last_dts, self._last_sound_dts)
        places = (nearest(dts + move, now, self._wrap_pts) for move in self._moves)
        later = (place for place in places if place > self._last_sound_dts)
        place = min(later, key=lambda place: abs(place - now), default=None)
        if place is None or abs(place - now) > self._sound_within_pts:
            return None
        self._last_sound_dts = place
        return place - dts

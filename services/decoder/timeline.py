"""From presentation timestamps to t_ms: milliseconds from the first frame, strictly increasing."""

from fractions import Fraction
from typing import Final

from originals.timestamps import nearest
from schemas.limits import LARGEST_T_MS
from services.decoder.sampling import Grid

DISCONTINUITY_MS: Final = 1_000
"""A frame this far before the one it follows belongs to a new stretch of timestamps, not to a disordered one."""
LARGEST_PTS: Final = (1 << 63) - 1


class Timeline:
    """The t_ms of one file's frames, taken in presentation order: floor((pts − first pts) · time_base · 1000).

    `wrap_pts` is the modulus of a format whose timestamps wrap or start anew in the middle (2^33 for MPEG-TS): there a frame is
    on the nearer side of the one before it, and one that steps back begins a new stretch, which continues one millisecond after
    the last frame. Elsewhere a frame that steps back has no time of its own.
    """

    def __init__(self, time_base: Fraction, first_pts: int, wrap_pts: int | None = None) -> None:
        """Begin at the first usable frame of the file."""
        self._numerator = time_base.numerator * 1000
        self._denominator = time_base.denominator
        self._first_pts = first_pts
        self._offset_pts = -first_pts
        self._wrap_pts = wrap_pts
        self._last_ms: int | None = None
        self._last_pts: int | None = None

    @property
    def begins_ms(self) -> int:
        """Where the timeline's zero lies on the file's own."""
        return self._first_pts * self._numerator // self._denominator

    def restart(self) -> None:
        """Forget the last frame, and the wraps before it: decoding goes on somewhere else."""
        self._offset_pts, self._last_ms, self._last_pts = -self._first_pts, None, None

    def pts_of(self, t_ms: int) -> int:
        """Return the largest pts whose time is at most `t_ms`, on a file without wraps; they have 64 bits."""
        return min(max(t_ms * self._denominator // self._numerator - self._offset_pts, -LARGEST_PTS), LARGEST_PTS)

    def is_idle(self, pts: int | None, grid: Grid) -> bool:
        """Whether the frame at `pts`, still to be decoded, is certainly no sample: one shown before it has its grid point.

        False where that cannot be known, as in formats whose timestamps may step.
        """
        if pts is None or self._last_ms is None or self._wrap_pts is not None:
            return False
        t_ms = self._at(pts)
        return t_ms > self._last_ms and not grid.is_sample(self._last_ms, t_ms)

    def place(self, pts: int | None) -> int | None:
        """Return the t_ms of the next frame, or None when it has no time of its own."""
        if pts is None:
            return None
        if self._wrap_pts is not None:
            self._last_pts = pts = pts if self._last_pts is None else nearest(pts, self._last_pts, self._wrap_pts)
        t_ms, last_ms = self._at(pts), self._last_ms
        if last_ms is not None and self._wrap_pts is not None and t_ms <= last_ms - DISCONTINUITY_MS:
            self._offset_pts = -pts + -((-(last_ms + 1) * self._denominator) // self._numerator)
            t_ms = self._at(pts)
        if not 0 <= t_ms <= LARGEST_T_MS or (last_ms is not None and t_ms <= last_ms):
            return None
        self._last_ms = t_ms
        return t_ms

    def _at(self, pts: int) -> int:
        return (pts + self._offset_pts) * self._numerator // self._denominator

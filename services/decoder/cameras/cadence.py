"""Which packets of a camera are decoded: no more than what will be sampled needs. Pure.

```
GOP <= period   K . . . K . . . K . . .     only keyframes, and of those only the ones that are samples
GOP >  period   K d d d d s . . . . . K     from a keyframe to the last sample before the next one
```
"""

from collections import deque
from typing import Final

from services.decoder.sampling import Grid

GOPS_REMEMBERED: Final = 4
TOLERANCE: Final = 1.05
"""Keyframes a little further apart than the period still give a sample for nearly every grid point."""
EARLY_SHARE: Final = 0.02
"""A keyframe is expected this much of a GOP earlier than the last ones came, but by no more than half a period."""
OVERDUE_GOPS: Final = 2
"""After so many a keyframe is overdue: one may be lost on its way."""


class Cadence:
    """Judges the packets of a camera in the order in which they come; what it has learnt of keyframes outlives a connection.

    It is doubted where a connection begins and where a keyframe is overdue: the camera may be set otherwise since. Then all is
    decoded, also what has come since the last keyframe, and the next time between keyframes takes the place of those before.
    """

    def __init__(self, grid: Grid, period_ms: float) -> None:
        self._grid, self._period_ms = grid, period_ms
        self._gops_ms: deque[int] = deque(maxlen=GOPS_REMEMBERED)
        self._keyframe_ms: int | None = None
        self._is_doubted = True
        self._decoding = False

    def begin_connection(self) -> None:
        """Doubt what is known."""
        self._is_doubted = True

    def begin_run(self) -> None:
        """Forget what came before: the time since then says nothing of keyframes."""
        self._keyframe_ms, self._decoding = None, False

    @property
    def gop_ms(self) -> int | None:
        """The usual one of the last times between keyframes; None until two were seen."""
        return sorted(self._gops_ms)[len(self._gops_ms) // 2] if self._gops_ms else None

    @property
    def keyframes_alone(self) -> bool:
        """Whether keyframes come at least as often as samples are wanted."""
        return not self._is_doubted and self.gop_ms is not None and self.gop_ms <= self._period_ms * TOLERANCE

    def wants(self, t_ms: int, last_ms: int | None, *, keyframe: bool) -> bool:
        """Return whether to decode the packet of the frame at `t_ms`; `last_ms` is the last frame that could be used.

        Where what came since the keyframe was not wanted, it is from then on: nothing can be decoded without it.
        """
        if keyframe:
            self._note(t_ms)
        elif self._is_overdue(t_ms):
            self._is_doubted = True
        if self.keyframes_alone:
            self._decoding = False
            return keyframe and self._grid.is_sample(last_ms, t_ms)
        self._decoding = (keyframe or self._decoding or self._is_doubted) and self._is_due_before_next_keyframe(t_ms, last_ms)
        return self._decoding

    def _note(self, t_ms: int) -> None:
        if self._keyframe_ms is not None and t_ms > self._keyframe_ms:
            if self._is_doubted:
                self._gops_ms.clear()
            self._gops_ms.append(t_ms - self._keyframe_ms)
            self._is_doubted = False
        self._keyframe_ms = t_ms

    def _is_overdue(self, t_ms: int) -> bool:
        """Whether keyframes come so late that what is known of them costs samples."""
        if self._keyframe_ms is None or self.gop_ms is None:
            return False
        return t_ms - self._keyframe_ms > OVERDUE_GOPS * max(self.gop_ms, self._period_ms)

    def _is_due_before_next_keyframe(self, t_ms: int, last_ms: int | None) -> bool:
        if self._is_doubted or self.gop_ms is None or self._keyframe_ms is None or last_ms is None:
            return True
        early_ms = min(EARLY_SHARE * self.gop_ms, self._period_ms / 2)
        expected_ms = self._keyframe_ms + int(self.gop_ms - early_ms)
        return self._grid.is_sample(last_ms, max(t_ms, expected_ms - 1))

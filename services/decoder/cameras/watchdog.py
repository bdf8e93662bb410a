"""Whether a camera that sends gives pictures too: it may stay connected for ever and show nothing. Pure."""

from typing import Final

from services.decoder.cameras.clock import Moment
from services.decoder.cameras.errors import CameraDown
from services.decoder.sampling import Grid

PATIENCE_MS: Final = 15_000
PATIENCE_GOPS: Final = 2
"""Damage costs the pictures until the next keyframe, which may be damaged too."""

LATE_KEYFRAME_MS: Final = 60_000
"""Cameras that save bits send a keyframe a second where much moves, and one in a minute where nothing does."""

SLOWEST_SHARE: Final = 0.0005
"""Timestamps that go on by less than this of what passes stand. A clock that waits to be right again goes on by twice as much."""

LONGEST_PAUSE_MS: Final = 5_000
"""A silent camera is left after this: of a longer pause between packets a clock, or this process, is the cause."""


class Undecodable(CameraDown):
    """Keyframes come, and no picture comes out of them."""


class Watchdog:
    """Hears of a connection's pictures, and ends it when one has been wanted for too long and none could be had.

    A frame is wanted where the grid has a point after the last usable one: where samples are rare nothing is decoded in between.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._usable_ms: int | None = None
        self._heard_ms: float | None = None
        self._newest_ms: int | None = None
        self._stood_ms = 0.0
        self._waited_ms, self._keyframe_came = 0.0, False

    def begin_run(self) -> None:
        """Want the next frame, whenever the last one was taken."""
        self._usable_ms = None

    def see(self, at: Moment) -> None:
        """Take in that a frame could be used."""
        self._usable_ms = at.t_ms

    def hear(self, at: Moment, arrival_ms: float, gop_ms: int | None, *, keyframe: bool, waits_for_keyframe: bool) -> None:
        """Take in the packet of a picture, after what came out of it; raises `CameraDown`, `Undecodable` among them.

        `waits_for_keyframe`: nothing is decoded before one.
        """
        passed_ms = 0.0 if self._heard_ms is None else min(max(0.0, arrival_ms - self._heard_ms), LONGEST_PAUSE_MS)
        self._heard_ms = arrival_ms
        self._check_time_goes_on(at, passed_ms)
        if waits_for_keyframe or at.repeated or self._grid.is_sample(self._usable_ms, at.t_ms):
            self._waited_ms += passed_ms
            self._keyframe_came |= keyframe
        else:
            self._waited_ms, self._keyframe_came = 0.0, False
        patience_ms = PATIENCE_MS if waits_for_keyframe or self._keyframe_came else LATE_KEYFRAME_MS
        if self._waited_ms > max(patience_ms, PATIENCE_GOPS * (gop_ms or 0)):
            raise self._down(at, waits_for_keyframe=waits_for_keyframe)

    def _check_time_goes_on(self, at: Moment, passed_ms: float) -> None:
        """Where it stands no more pictures are wanted, and nothing else would seem to be amiss."""
        if at.anew and self._newest_ms is not None:
            self._newest_ms = min(at.t_ms, self._newest_ms)
        newest_ms = at.t_ms if self._newest_ms is None else max(at.t_ms, self._newest_ms)
        gone_on_ms = 0 if self._newest_ms is None else newest_ms - self._newest_ms
        self._newest_ms = newest_ms
        self._stood_ms = max(0.0, self._stood_ms + passed_ms - gone_on_ms / SLOWEST_SHARE)
        if self._stood_ms > PATIENCE_MS:
            raise CameraDown("the camera's timestamps stand still")

    def _down(self, at: Moment, *, waits_for_keyframe: bool) -> CameraDown:
        if at.repeated and not waits_for_keyframe:
            return CameraDown("a clock was set back: pictures of these times were sampled before")
        if waits_for_keyframe or not self._keyframe_came:
            return CameraDown("the camera sends no keyframe")
        return Undecodable("the camera's pictures cannot be decoded")

"""A file as a source that loops for ever."""

from dataclasses import dataclass, field
from pathlib import Path

from framebus.demo.camera.sound import Law, read_sound
from framebus.demo.camera.track import Track, Unit
from framebus.demo.camera.video import NotServable, read_video


@dataclass(frozen=True)
class Clip:
    """A file in memory: its tracks, its units in the order of sending, and its length."""

    tracks: tuple[Track, ...]
    units: tuple[Unit, ...] = field(repr=False)
    span_seconds: float

    def playback(self, from_seconds: float) -> "Loop":
        """Begin with the first unit at `from_seconds` of the clock of the mount."""
        return Loop(self, from_seconds)


class Loop:
    """A clip that is being sent, again and again; timestamps go on."""

    def __init__(self, clip: Clip, from_seconds: float) -> None:
        self._clip = clip
        self._from_seconds = from_seconds
        self._taken = 0

    @property
    def due_seconds(self) -> float:
        """When the next unit is to be sent."""
        unit, began_seconds = self._next()
        return began_seconds + unit.send_seconds

    def take(self, now_seconds: float) -> tuple[Unit, float]:
        """Return the next unit and its pts on the clock of the mount."""
        unit, began_seconds = self._next()
        self._taken += 1
        return unit, began_seconds + unit.pts_seconds

    def _next(self) -> tuple[Unit, float]:
        rounds, index = divmod(self._taken, len(self._clip.units))
        return self._clip.units[index], self._from_seconds + rounds * self._clip.span_seconds


def read_clip(path: Path, *, sound: Path | None = None, law: Law | None = None) -> Clip:
    """Read a file with H.264 or H.265, with sound, or with both; raises `NotServable`.

    `sound`: take the sound from this file (a WAV, for instance), not from `path`. `law`: send the sound as G.711;
    without it AAC stays AAC and all else becomes µ-law. Sound ends where the video does.
    """
    video = read_video(path)
    heard = read_sound(sound or path, law, number=1 if video else 0, alone=video is None)
    stretches = [stretch for stretch in (video, heard) if stretch is not None]
    if not stretches:
        raise NotServable(f"{path} has neither video nor sound")
    span_seconds = stretches[0].seconds
    units = [unit for stretch in stretches for unit in stretch.units if unit.send_seconds < span_seconds]
    units.sort(key=lambda unit: unit.send_seconds)
    return Clip(tuple(stretch.track for stretch in stretches), tuple(units), span_seconds)

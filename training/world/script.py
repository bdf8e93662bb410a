"""Scenes over time: who crosses a place when, and the truth of every second."""

import dataclasses

from training.world.captions import Fact, facts_of
from training.world.kinds import KINDS
from training.world.scene import Scene, Thing

# A thing counts as seen while at least this much of its width is inside the picture.
SEEN = 0.6
STEP_METRES = 1.3


@dataclasses.dataclass(frozen=True)
class Track:
    """One thing from `start_ms` to `end_ms`, moving evenly from `from_x` to `to_x` (fractions of the width)."""

    kind: str
    colour: str
    start_ms: int
    end_ms: int
    from_x: float
    to_x: float
    foot: float
    height: float
    caption: str

    def thing_at(self, t_ms: int) -> Thing | None:
        """The thing at `t_ms`, or None outside its time."""
        if not self.start_ms <= t_ms < self.end_ms:
            return None
        done = (t_ms - self.start_ms) / (self.end_ms - self.start_ms)
        x = self.from_x + (self.to_x - self.from_x) * done
        metres = abs(x - self.from_x) * 16 / 9 / self.height * KINDS[self.kind].height
        turn = -1 if self.to_x < self.from_x else 1
        moving = self.to_x != self.from_x
        return Thing(self.kind, self.colour, x, self.foot, self.height, turn, moving, metres / STEP_METRES % 1.0)


@dataclasses.dataclass(frozen=True)
class Script:
    """A clip of `duration_ms`: a place, its light and weather, and the tracks in it."""

    place: str
    light: str
    rain: bool
    duration_ms: int
    tracks: tuple[Track, ...]
    seed: int

    def scene_at(self, t_ms: int) -> Scene:
        present = [thing for track in self.tracks if (thing := track.thing_at(t_ms)) is not None]
        things = tuple(sorted((t for t in present if _seen(t) > 0), key=lambda thing: thing.foot))
        return Scene(self.place, self.light, self.rain, things, self.seed)


@dataclasses.dataclass(frozen=True)
class Span:
    """What is seen, and from when to when."""

    start_ms: int
    end_ms: int
    caption: str


def facts_at(script: Script, t_ms: int) -> frozenset[Fact]:
    """What is true of what can be seen at `t_ms`: things that are only half in the picture are left out."""
    scene = script.scene_at(t_ms)
    seen = tuple(thing for thing in scene.things if _seen(thing) >= SEEN)
    return facts_of(dataclasses.replace(scene, things=seen))


def truth_of(script: Script, step_ms: int = 100) -> list[Span]:
    """When each track's caption holds, to `step_ms`."""
    return [_span_of(track, step_ms) for track in script.tracks]


def _span_of(track: Track, step_ms: int) -> Span:
    times = [t for t in range(track.start_ms, track.end_ms, step_ms) if (thing := track.thing_at(t)) and _seen(thing) >= SEEN]
    if not times:
        raise ValueError(f'track "{track.caption}" is never inside the picture: let from_x or to_x lie within 0..1')
    return Span(times[0], times[-1] + step_ms, track.caption)


def _seen(thing: Thing) -> float:
    left, _, right, _ = thing.bounds
    return max(0.0, min(right, 1.0) - max(left, 0.0)) / (right - left)

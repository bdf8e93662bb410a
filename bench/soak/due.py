"""What a soak should have seen, by its looks and its schedule: what is missing must not read as good. Pure."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.soak.samples import Points, Samples
from bench.soak.slope import WARM_UP_SHARE

MINUTE_SECONDS: Final = 60.0
SEEN_SHARE: Final = 0.95
"""Of the looks after the warm-up that a process must be in, besides the last one: a minute says nothing of an hour."""
AWAY: Final = (("pause", "resume"), ("remove", "add"))


@dataclass(frozen=True)
class Presence:
    """In how many of the looks after the warm-up a process was seen, and whether it was in the last one."""

    seen: int
    looks: int
    is_in_last: bool

    @property
    def is_enough(self) -> bool:
        """Whether what was seen speaks for the whole time."""
        return self.is_in_last and self.seen >= SEEN_SHARE * self.looks

    def __str__(self) -> str:
        return f"in {self.seen} of {self.looks} looks{'' if self.is_in_last else ', not in the last'}"


def presence(samples: Samples, points: Points) -> Presence:
    """Return how often something was seen of a process.

    A look notes the processor seconds of the machine when it has noted all processes: so each of these ends a whole look, and one
    that was broken off does not count.
    """
    ends = [at for at, _ in samples.of("cpu_seconds").get("machine", [])]
    judged = range(bisect_left(ends, WARM_UP_SHARE * samples.ended_seconds), len(ends))
    seen = {bisect_left(ends, at) for at, _ in points}.intersection(judged)
    return Presence(len(seen), len(judged), bool(judged) and judged[-1] in seen)


def warm_seconds(samples: Samples) -> float:
    """Return how long the load lasted after the warm-up."""
    return (1 - WARM_UP_SHARE) * samples.ended_seconds


def import_minutes(samples: Samples) -> set[float]:
    """Return the numbers of the minutes in which an import began."""
    return {at // MINUTE_SECONDS for at, _ in samples.of("act").get("import", [])}


def watched_seconds(samples: Samples, *, with_import: bool) -> float:
    """Return how long, after the warm-up, the minutes with or without an import were.

    So many samples are due of the camera that is watched: it has one a second, and the schedule takes nothing away from it.
    """
    began, ended = WARM_UP_SHARE * samples.ended_seconds, samples.ended_seconds
    importing = sum(
        max(0.0, min(ended, (minute + 1) * MINUTE_SECONDS) - max(began, minute * MINUTE_SECONDS))
        for minute in import_minutes(samples)
    )
    return importing if with_import else warm_seconds(samples) - importing


def cameras_touched(samples: Samples) -> int:
    """Return how many cameras there are at least: the last place that the schedule paused or removed, and those before it."""
    return int(max((place for going, _ in AWAY for _, place in samples.of("act").get(going, [])), default=0)) + 1


def longest_away_seconds(samples: Samples) -> float:
    """Return how long, after the warm-up, the camera was away that the schedule took away most."""
    away: dict[float, float] = {}
    for place, seconds in _absences(samples):
        away[place] = away.get(place, 0.0) + seconds
    return max(away.values(), default=0.0)


def _absences(samples: Samples) -> Iterator[tuple[float, float]]:
    """Yield, of each time that a camera was paused or removed, its place and how much of it lay after the warm-up."""
    acts, began, ended = samples.of("act"), WARM_UP_SHARE * samples.ended_seconds, samples.ended_seconds
    for going, coming in AWAY:
        for went, place in acts.get(going, []):
            came = min((at for at, other in acts.get(coming, []) if other == place and at > went), default=ended)
            yield place, max(0.0, min(came, ended) - max(went, began))

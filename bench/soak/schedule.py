"""The plan of a soak: what happens to its sources, the same every five minutes, and when it is looked at. Pure."""

import random
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["pause", "resume", "remove", "add", "import", "forget"]

CYCLE_SECONDS: Final = 300.0
CYCLE: Final[tuple[tuple[float, Kind], ...]] = (
    (45.0, "pause"), (75.0, "resume"), (120.0, "import"), (165.0, "remove"), (195.0, "add"), (255.0, "forget"),
)  # fmt: skip


@dataclass(frozen=True)
class Act:
    """At `at_seconds` something happens to the source of a place: of a camera in the list of all, of a film by its number."""

    at_seconds: float
    kind: Kind
    place: int


def schedule(seconds: float, cameras: int) -> list[Act]:
    """Return what happens in so many seconds, in whole cycles: whoever is paused or removed comes back.

    Camera 0 is left alone: its freshness is measured. The others take turns, and none is paused and removed in the same cycle.
    """
    acts: list[Act] = []
    for cycle in range(int(seconds // CYCLE_SECONDS)):
        places = {"pause": 1 + 2 * cycle % (cameras - 1), "remove": 1 + (2 * cycle + 1) % (cameras - 1)}
        places |= {"resume": places["pause"], "add": places["remove"], "import": cycle, "forget": cycle}
        acts += [Act(cycle * CYCLE_SECONDS + at, kind, places[kind]) for at, kind in CYCLE]
    return acts


def look_moments(seconds: float, every_seconds: float) -> list[float]:
    """Return one random moment of each step of so many seconds, the same in every soak.

    Looks in a fixed step beat with what comes in nearly the same step, as services give memory back: they see it early in its
    period for half an hour, and late in it for the next, which reads as growth.
    """
    rng = random.Random(1)  # noqa: S311  it chooses moments
    return [(step + rng.random()) * every_seconds for step in range(int(seconds / every_seconds))]

"""What happens to sources while a soak runs: a plan that repeats every five minutes. Pure."""

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

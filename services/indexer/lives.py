"""Which life of a source a record belongs to, whether that life is still in force, and how old its rows may be. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from schemas.messages import Source

Standing = Literal["in_force", "ahead", "over"]


def standing(source: Source, life: int) -> Standing:
    """Say whether rows of a life are written, or it is ahead of what is known."""
    if life > source.life:
        return "ahead"
    return "over" if life <= over_through(source) else "in_force"


def over_through(source: Source) -> int:
    """Return the last life whose rows must go; 0 when none must."""
    return source.life if source.wanted == "removed" else source.life - 1


def all_over(sources: Iterable[Source]) -> dict[str, int]:
    """Return, of each source that has one, the last life whose rows must go."""
    return {source.source_id: life for source in sources if (life := over_through(source)) > 0}


def camera_days(sources: Iterable[Source], default_days: float) -> Mapping[tuple[float, int], Sequence[str]]:
    """Return the cameras by how many days their rows are kept, and by life: the next one may be that of a file.

    Rows of files and of senders are kept for ever.
    """
    cameras: defaultdict[tuple[float, int], list[str]] = defaultdict(list)
    for source in sources:
        if source.kind == "camera":
            cameras[default_days if source.keep_days is None else source.keep_days, source.life].append(source.source_id)
    return cameras

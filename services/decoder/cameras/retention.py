"""Which recorded segments go: what is older than its source keeps, and the oldest of all while the disk is too full. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from schemas.recordings import Segment
from schemas.topics import DAY_MS

YOUNGEST_MS: Final = 180_000
"""Nothing that may still be written is deleted, however full the disk is."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A segment on disk, its journal counted."""

    source_id: str
    segment: Segment
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Expired:
    """A segment that goes, and why."""

    recorded: Recorded
    reason: Literal["age", "disk"]


def expired(
    recorded: Iterable[Recorded], keep_days: Mapping[str, float], default_days: float, over_bytes: int, now_ms: int
) -> list[Expired]:
    """Return what goes, oldest first. `over_bytes` is how much less there should be on the disk; `keep_days` is by source."""
    going: list[Expired] = []
    for one in sorted(recorded, key=lambda one: one.segment):
        age_ms = now_ms - one.segment.start_ms
        if age_ms > keep_days.get(one.source_id, default_days) * DAY_MS:
            going.append(Expired(one, "age"))
        elif over_bytes > 0 and age_ms > YOUNGEST_MS:
            going.append(Expired(one, "disk"))
        else:
            continue
        over_bytes -= one.size_bytes
    return going

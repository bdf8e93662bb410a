"""What goes of the media of cameras: lives that are over, what is older than wanted, the oldest while the disk is full. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from schemas.recordings import Segment
from schemas.topics import DAY_MS

YOUNGEST_MS: Final = 180_000
"""Nothing that may still be written is deleted, however full the disk is: a file that is open gives nothing back, and is lost."""

UNSETTLED_DAYS: Final = 30
"""So much longer than its film a journal stays that nobody has looked through: rows of its samples would be over by then."""

Kind = Literal["film", "journal", "thumbnails"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A segment's film, or its journal, or the thumbnails of a minute of a camera that is not recorded; all lie in `folder`.

    `written_ms` is when the film was last written to, a journal's is that of its film; thumbnails are written in their minute.
    A journal `is_settled` when nobody will look through it: all that it notes is on Kafka, was caught up, or told to be lost.
    """

    kind: Kind
    source_id: str
    life: int
    segment: Segment
    folder: Path
    size_bytes: int
    written_ms: int
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Expired:
    """What goes, and why."""

    recorded: Recorded
    reason: Literal["removed", "age", "disk"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is wanted of what is kept of a source: up to `over_through` its lives are over, and the rest is kept for `days`."""

    over_through: int = 0
    days: float | None = None
    is_camera: bool = False


UNKNOWN: Final = Kept()


def expired(
    recorded: Iterable[Recorded], kept: Mapping[str, Kept], default_days: float, over_bytes: int, now_ms: int
) -> list[Expired]:
    """Return what goes, oldest first. `over_bytes` is how much less there should be on the disk; `kept` is by source.

    What has begun or was written lately goes only with its life: the disk may be full of other things. For the same reason a
    journal that is not settled never goes for the disk: what it notes would be lost without a word.
    """
    going: list[Expired] = []
    for one in sorted(recorded, key=lambda one: one.segment):
        wanted = kept.get(one.source_id, UNKNOWN)
        is_unsettled = one.kind == "journal" and not one.is_settled
        days = (default_days if wanted.days is None else wanted.days) + UNSETTLED_DAYS * is_unsettled
        if one.life <= wanted.over_through:
            going.append(Expired(one, "removed"))
        elif now_ms - max(one.segment.start_ms, one.written_ms) <= YOUNGEST_MS:
            continue
        elif now_ms - one.segment.start_ms > days * DAY_MS:
            going.append(Expired(one, "age"))
        elif over_bytes > 0 and not is_unsettled:
            going.append(Expired(one, "disk"))
        else:
            continue
        over_bytes -= one.size_bytes
    return going

"""Which recorded segments show a span of a camera's timeline. Pure: segments in, pieces of the timeline out.

run 7    ├──────┤├──────┤├───┄┄┄┄┄┤             a reconnect: what run 7 still wrote after run 9 began does not count
run 9                        ├──────┤├───┄      the last one may grow
counts   ├──────┤├──────┤├───┤──────┤├───┄
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from schemas.recordings import Segment

CLOSE_MS: Final = 2_000
"""A moment that nothing shows is shown by what comes this soon after it: borders, and samples whose time was rounded."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a timeline that one file shows: its first frame at `start_ms`, nothing from `until_ms` on, where another begins.

    `recorded`: the file is a segment as `schemas/recordings.py` describes, and may grow. `continues`: it is of the same run as
    the stretch before it, to whose last pictures its first may refer. `rises`: its timestamps are known to rise to its end; where
    they may begin anew in the middle, MPEG-TS cannot be sought.
    """

    address: str
    start_ms: int = 0
    until_ms: int | None = None
    recorded: bool = False
    continues: bool = False
    rises: bool = True


@dataclass(frozen=True, slots=True)
class Counted:
    """A segment and where it stops to count: where the next one begins, None for the last. `continues` as in `Stretch`."""

    segment: Segment
    until_ms: int | None
    continues: bool


def counted(segments: Iterable[Segment]) -> list[Counted]:
    """Return the segments that count, in the order of time: of two that overlap the larger run, from its start on."""
    kept: list[Segment] = []
    for segment in sorted(segments):
        if kept and kept[-1].start_ms == segment.start_ms:
            kept.pop()
        if not kept or segment.run >= kept[-1].run:
            kept.append(segment)
    before, after = [None, *kept[:-1]], [*kept[1:], None]
    return [
        Counted(one, None if following is None else following.start_ms, last is not None and last.run == one.run)
        for last, one, following in zip(before, kept, after, strict=False)
    ]


def covering(segments: Iterable[Segment], start_ms: int, end_ms: int) -> list[Counted]:
    """Return what counts in [start_ms, end_ms). The first may end before that: a segment's name does not say how long it is."""
    return [
        one for one in counted(segments) if one.segment.start_ms < end_ms and (one.until_ms is None or one.until_ms > start_ms)
    ]

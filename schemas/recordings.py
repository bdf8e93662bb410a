"""Recorded media of cameras: how what is written below the media folder is named, and found again.

```
recordings/<source_id>/<life>/<UTC day of start_ms>/<start_ms>-<run>.mp4       a segment
recordings/<source_id>/<life>/<UTC day of start_ms>/<start_ms>-<run>.samples   its journal
thumbnails/<source_id>/<life>/<t_ms>.jpg                                       a sample of what is not recorded, by the embedder
```
A segment is a fragmented MP4 of about a minute that grows by a GOP at a time and can be read while it does. Its first video
packet is a keyframe, shown at `start_ms`; a frame's time is `start_ms` + floor((pts − first pts) · time_base · 1000), so one file
is one stretch of the timeline. A segment ends where its packets end; what lies before the next one is a gap.

A journal has a line for each sample that the segment shows, and one more when Kafka has acknowledged it; the last line of a
`t_ms` counts. A crash or a full disk leaves a piece of one: before the next line that its writer adds stands `END_OF_PIECE`.
Samples without an acknowledgement are caught up (docs/decisions/0015); a file `settled` in the folder of a life holds the start
of the oldest segment that may have one. A journal outlives its film where that expires before this.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from pathlib import PurePosixPath
from typing import Final

RECORDINGS: Final = "recordings"
THUMBNAILS: Final = "thumbnails"
SEGMENT_MS: Final = 60_000
"""A segment ends with the first keyframe after this."""

NOT_ACKNOWLEDGED: Final = -1
END_OF_PIECE: Final = " \n"
"""Gives a piece of a line a field too many: one that has lost the end of its last number would be taken for a whole line."""

LONGEST_SEGMENT_MS: Final = 365 * 86_400_000
"""Longer than any segment. A line that begins in the middle of another has a time with a digit more, centuries later."""

_SEGMENT: Final = re.compile(r"([0-9]{1,16})-([0-9]{1,16})\.mp4")
_THUMBNAIL: Final = re.compile(r"(-?[0-9]{1,16})\.jpg")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_CALENDAR_MS: Final = (-62_135_596_800_000, 253_402_300_799_999)
"""From the year 1 to the year 9999: there is no name for other days."""


@dataclass(frozen=True, order=True, slots=True)
class Segment:
    """One recorded file. Segments of a life are in the order of their times; of two that overlap the larger run counts."""

    start_ms: int
    run: int

    @property
    def name(self) -> str:
        """Name of the file."""
        return f"{self.start_ms}-{self.run}.mp4"

    @property
    def journal_name(self) -> str:
        """Name of its journal."""
        return f"{self.start_ms}-{self.run}.samples"

    @property
    def day(self) -> str:
        """The folder that it lies in."""
        return day_of(self.start_ms)


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One sample of a camera. `pts` is that of its packet in the segment, in milliseconds after the first one.

    `partition` and `offset` are −1 until Kafka has acknowledged the sample.
    """

    t_ms: int
    run: int
    seq: int
    pts_ms: int
    partition: int = NOT_ACKNOWLEDGED
    offset: int = NOT_ACKNOWLEDGED

    def text(self) -> str:
        """Return the line, with its end."""
        return f"{self.t_ms} {self.run} {self.seq} {self.pts_ms} {self.partition} {self.offset}\n"


def life_folder(source_id: str, life: int) -> PurePosixPath:
    """Return where the days of a life lie, below the media folder."""
    return PurePosixPath(RECORDINGS, source_id, str(life))


def on_calendar(t_ms: int) -> datetime:
    """Return a time as UTC, in whole seconds; beyond the calendar its first or last one."""
    first_ms, last_ms = _CALENDAR_MS
    return datetime.fromtimestamp(min(max(t_ms, first_ms), last_ms) // 1000, UTC)


def day_of(t_ms: int) -> str:
    """Return the UTC day of a time as YYYY-MM-DD; beyond the calendar its first or last day, where nothing is recorded."""
    return on_calendar(t_ms).date().isoformat()


def thumbnail_name(t_ms: int) -> str:
    """Return the name of a sample's thumbnail."""
    return f"{t_ms}.jpg"


def thumbnail_ms(name: str) -> int | None:
    """Return the time of a sample by its thumbnail's name; None for another file."""
    found = _THUMBNAIL.fullmatch(name)
    return int(found[1]) if found else None


def parse_segment(name: str) -> Segment | None:
    """Return the segment of a file's name; None for a file that is no segment."""
    found = _SEGMENT.fullmatch(name)
    return Segment(int(found[1]), int(found[2])) if found else None


def parse_journal(text: str, begins_ms: int | None = None) -> list[JournalLine]:
    """Return the samples of a journal in the order of their times. A line that was cut short is left out.

    `begins_ms` is the start of its segment; where it is known, times that no segment reaches are left out too.
    """
    ends_ms = inf if begins_ms is None else begins_ms + LONGEST_SEGMENT_MS
    lines: dict[int, JournalLine] = {}
    for line in text.split("\n")[:-1]:
        numbers = line.split(" ")
        if len(numbers) == 6 and all(map(_NUMBER.fullmatch, numbers)):
            sample = JournalLine(*map(int, numbers))
            if sample.t_ms <= ends_ms:
                lines[sample.t_ms] = sample
    return [lines[t_ms] for t_ms in sorted(lines)]

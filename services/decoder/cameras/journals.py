"""The journals of a life on disk: read from where everything before is settled, and completed by what the log shows."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.limits import LARGEST_T_MS
from schemas.recordings import END_OF_PIECE, SEGMENT_MS, JournalLine, Segment, day_of, life_folder, parse_journal, parse_segment
from services.decoder.cameras.spans import Noted

SETTLED: Final = "settled"
"""File beside the days of a life: the start of the oldest segment that is still to be looked at. Without it all are."""

LONGEST_MS: Final = 5 * SEGMENT_MS
"""A segment that has lasted so long without the keyframe that ends it is ended with its connection."""

BEFORE_MS: Final = LONGEST_MS + SEGMENT_MS
"""A segment begins so long before its last sample at the most, and where a camera is slow the samples of a margin lie apart."""


class Journals:
    """The journals of one life. Everything raises `OSError` where the disk refuses."""

    def __init__(self, media: Path, source_id: str, life: int) -> None:
        self._folder = media / life_folder(source_id, life)

    def read(self, from_ms: int | None, before_ms: int | None = None) -> list[Noted]:
        """Return what is noted of segments that begin at `from_ms` or later and before `before_ms`, in the order of times."""
        noted = [Noted(segment, line) for segment, lines in self.each(from_ms, before_ms) for line in lines]
        return sorted(noted, key=lambda one: (one.line.t_ms, one.line.run))

    def each(self, from_ms: int | None, before_ms: int | None = None) -> Iterator[tuple[Segment, Sequence[JournalLine]]]:
        """Yield the same, a segment at a time, in no order; what is not kept is gone with the next."""
        for segment in self._segments(from_ms, before_ms):
            yield segment, self._lines(segment)

    def largest_run(self, from_ms: int | None) -> int | None:
        """Return the largest run of segments that begin at `from_ms` or later; None without any.

        A segment bears its run in its name. One that began inside the newest has none of its own yet, and is noted there.
        """
        segments = sorted(self._segments(from_ms, None))
        if not segments:
            return None
        return max([*(segment.run for segment in segments), *(line.run for line in self._lines(segments[-1]))])

    def is_recorded(self, segment: Segment) -> bool:
        """Whether the segment's film is still there."""
        return self._path(segment, segment.name).exists()

    def complete(self, found: Iterable[Noted], offsets: Mapping[tuple[int, int], int], partition: int) -> None:
        """Write down where the log has samples that their journals show as unacknowledged.

        A crash or a full disk may have cut the last line short; what a full disk takes a part of is found again at the next look.
        """
        for one in found:
            line = replace(one.line, partition=partition, offset=offsets[one.line.run, one.line.t_ms])
            path = self._path(one.segment, one.segment.journal_name)
            with path.open("ab", buffering=0) as journal:
                journal.write(f"{END_OF_PIECE}{line.text()}".encode())

    def settled_ms(self) -> int | None:
        """Return the start of the oldest segment that is still to be looked at; None where nobody knows."""
        with suppress(FileNotFoundError, ValueError):
            return int((self._folder / SETTLED).read_text())
        return None

    def settle(self, start_ms: int) -> None:
        """Write down that what began before `start_ms` need not be looked at again."""
        written = self._folder / f"{SETTLED}.{os.getpid()}"
        written.write_text(str(start_ms))
        written.replace(self._folder / SETTLED)

    def _segments(self, from_ms: int | None, before_ms: int | None) -> Iterator[Segment]:
        if not self._folder.exists():
            return
        from_ms = -LARGEST_T_MS if from_ms is None else from_ms
        before_ms = LARGEST_T_MS if before_ms is None else before_ms
        for day in sorted(self._folder.iterdir()):
            if day.is_dir() and day_of(from_ms) <= day.name <= day_of(before_ms):
                for path in day.glob("*.samples"):
                    segment = parse_segment(path.with_suffix(".mp4").name)
                    if segment is not None and from_ms <= segment.start_ms < before_ms:
                        yield segment

    def _lines(self, segment: Segment) -> list[JournalLine]:
        return parse_journal(self._path(segment, segment.journal_name).read_text(errors="replace"), segment.start_ms)

    def _path(self, segment: Segment, name: str) -> Path:
        return self._folder / segment.day / name

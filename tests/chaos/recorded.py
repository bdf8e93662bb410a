"""What cameras recorded, beside what became of it: the stricter promise, kept by catching up."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from schemas.identity import WHOLE_FRAME, row_key
from schemas.messages import SourceStatus, decode
from schemas.recordings import RECORDINGS, JournalLine, parse_journal
from schemas.topics import SOURCE_STATUS
from tests.chaos.records import records_of

SECOND_MS: Final = 1000
MOST_CALLED_LOST: Final = 20
"""What a status calls lost is no difference, up to so many samples of a run: there were three of a run at the most."""
SAME_MOMENT_MS: Final = 250
"""Samples of two runs that lie so close together show one moment: half a period, where a camera is sampled twice a second."""
_SAID: Final = re.compile(r"not caught up from (\S+) to (\S+),")


@dataclass(frozen=True)
class Gap:
    """A stretch of a camera of which its status says that it could not be caught up; both ends included."""

    source_id: str
    first_ms: int
    last_ms: int


def standing(lines: Iterable[JournalLine]) -> set[int]:
    """Return the times of the samples that must be in the index.

    Not those that a run shows while a larger one lasts: its decoder did not know yet that the camera was another's.
    """
    by_run: dict[int, list[int]] = {}
    for line in lines:
        by_run.setdefault(line.run, []).append(line.t_ms)
    larger: list[tuple[int, int]] = []
    times: set[int] = set()
    for run in sorted(by_run, reverse=True):
        times |= {t_ms for t_ms in by_run[run] if not any(first_ms <= t_ms <= last_ms for first_ms, last_ms in larger)}
        larger.append((min(by_run[run]), max(by_run[run]) + SAME_MOMENT_MS))
    return times


def recorded(media: Path, lives: Mapping[str, int]) -> dict[str, set[int]]:
    """Return the times of the samples in the journals of cameras, each of one life, that must be in the index, by camera."""
    return {source_id: standing(journal(media, source_id, life)) for source_id, life in lives.items()}


def journal(media: Path, source_id: str, life: int = 1) -> Iterator[JournalLine]:
    """Yield what the journals of a camera say, those of one in their order."""
    for path in (media / RECORDINGS / source_id / str(life)).rglob("*.samples"):
        yield from parse_journal(path.read_text())


def gaps_in(source_id: str, notices: Iterable[str]) -> set[Gap]:
    """Return what the notices of a camera call lost."""
    found = (_SAID.match(notice) for notice in notices)
    return {Gap(source_id, _ms(one[1]), _ms(one[2]) + SECOND_MS - 1) for one in found if one}


def gaps_said(bootstrap: str, source_ids: Collection[str]) -> set[Gap]:
    """Return what cameras have ever called lost."""
    gaps: set[Gap] = set()
    for message in records_of(bootstrap, SOURCE_STATUS.name):
        status = decode(message.value(), SourceStatus)
        if status.source_id in source_ids:
            gaps |= gaps_in(status.source_id, status.notices)
    return gaps


def lost(
    media: Path, bootstrap: str, lives: Mapping[str, int], found: Collection[str], until_ms: int
) -> tuple[list[str], list[str]]:
    """Return the keys of what cameras have recorded in these lives and has no row, as `not_indexed` does."""
    return not_indexed(recorded(media, lives), lives, found, gaps_said(bootstrap, lives), until_ms) if lives else ([], [])


def complaints(silent: Collection[str], said: Collection[str], expected: Collection[str]) -> list[str]:
    """Return a line for every sample that was lost in silence, and where too many are called lost for those too.

    Not for those that are `expected` for another reason, and so told as missing already.
    """
    told = [f"{key} was recorded and is missing" for key in silent if key not in expected]
    if len(said) > MOST_CALLED_LOST:
        told += [f"{key} was recorded and is called lost, as {len(said)} are" for key in said if key not in expected]
    return told


def not_indexed(
    samples: Mapping[str, set[int]], lives: Mapping[str, int], found: Collection[str], gaps: Collection[Gap], until_ms: int
) -> tuple[list[str], list[str]]:
    """Return the keys of the recorded samples up to a time that have no row: those that are lost in silence, and those that
    a status calls lost."""
    silent: list[str] = []
    said: list[str] = []
    for source_id, times in samples.items():
        of_source = [gap for gap in gaps if gap.source_id == source_id]
        for t_ms in sorted(times):
            key = row_key(source_id, lives[source_id], WHOLE_FRAME, t_ms)
            if t_ms <= until_ms and key not in found:
                is_said = any(gap.first_ms <= t_ms <= gap.last_ms for gap in of_source)
                (said if is_said else silent).append(key)
    return silent, said


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)

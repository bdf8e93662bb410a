"""What a commit says beside its offset: how far records were processed, and a note of the stage to whoever reads on. Pure."""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

PROCESSED: Final = "processed="
BEGUN: Final = ";begun="
BEGUN_MOST: Final = 200
"""Kafka takes 4,096 bytes of metadata, and an offset has ten digits or so."""


def commit_metadata(processed: int, note: str = "", begun: Iterable[int] = ()) -> str:
    """Return what a commit carries: one past the last record processed, which windows do not hold back, and the stage's note.

    `begun`: offsets of records that begin something, which whoever reads them again could not tell by themselves.
    """
    told = ",".join(map(str, islice(begun, BEGUN_MOST)))
    return f"{PROCESSED}{processed}{BEGUN if told else ''}{told} {note}".rstrip()


def processed_offset(committed: int, metadata: str | None) -> int | None:
    """Return the processed offset of a commit, or None where nothing was committed."""
    said = (metadata or "").partition(" ")[0].partition(BEGUN)[0]
    if said.startswith(PROCESSED) and said[len(PROCESSED) :].isdecimal():
        return int(said[len(PROCESSED) :])
    return committed if committed >= 0 else None


def begun_of(metadata: str | None) -> frozenset[int]:
    """Return the offsets of a commit's records that begin something; none where another program has committed."""
    said, _, told = (metadata or "").partition(" ")[0].partition(BEGUN)
    offsets = told.split(",") if said.startswith(PROCESSED) else []
    return frozenset(int(offset) for offset in offsets if offset.isascii() and offset.isdecimal())


def note_of(metadata: str | None) -> str:
    """Return the stage's note in a commit; empty where there is none, or another program has committed."""
    said, _, note = (metadata or "").partition(" ")
    return note if said.startswith(PROCESSED) else ""


class Notes:
    """Notes of one partition, for a reader whose library chooses when, and which of the acknowledged offsets, it commits.

    A note of an earlier offset is right too, if less is known by it; one of a later offset is not. One thread may add while
    another one commits.
    """

    def __init__(self, offset: int, note: str) -> None:
        self._notes = deque([(offset, note)])

    def add(self, offset: int, note: str) -> None:
        """Keep the note of an offset, larger than those before it, until a commit has passed it."""
        self._notes.append((offset, note))

    def of(self, offset: int) -> str:
        """Return the note of a commit, which is never smaller than the one before it."""
        while len(self._notes) > 1 and self._notes[1][0] <= offset:
            self._notes.popleft()
        return self._notes[0][1] if self._notes[0][0] <= offset else ""

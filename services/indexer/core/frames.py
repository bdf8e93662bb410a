"""Which frames' vectors were read: what comes once more is known by it, however long ago it came first and whoever read it."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from services.indexer.core.entry import Entry

NOTE: Final = "frames="


@dataclass(frozen=True, slots=True)
class Place:
    """How far the vectors of a partition are, in the order of their frames.

    Attributes:
        passed: the newest frame that was followed by a later one. No sender can move it by a single wrong number.
        newest: the newest frame.
        sent_ms: the latest Kafka timestamp of a frame; what is later than that was never read, whatever its number.
    """

    passed: int
    newest: int
    sent_ms: int


BEGINNING: Final = Place(-1, -1, -1)


class FramesRead:
    """Tells repeats of a partition from what is new, and what a later reader has to know to do the same.

    An embedder sends vectors in the order of its partition's frames, and begins again, or its successor does, at a frame that it
    has sent or the one after it. So those that come for the first time come in the order of their frames, and all others repeat.
    """

    def __init__(self, place: Place = BEGINNING) -> None:
        self._place = self._before = place
        self._later: deque[tuple[int, Place]] = deque()

    def repeats(self, entry: Entry) -> bool:
        """Take the next record; return whether its frame's vector was read before. Never of one that does not name its frame."""
        frame, place = entry.headers.frame_offset, self._place
        if frame is None:
            return False
        if (frame <= place.passed or frame == place.newest) and entry.timestamp_ms <= place.sent_ms:
            return True
        sent_ms = max(entry.timestamp_ms, place.sent_ms)
        if frame > place.newest:
            self._place = Place(place.newest, frame, sent_ms)
        elif frame > place.passed:  # `newest` was never sent by an embedder: nothing comes between two that follow one another
            self._place = Place(place.passed, frame, sent_ms)
        else:  # the frames' topic was made again, or has lost its end
            self._place = Place(-1, frame, sent_ms)
        self._later.append((entry.offset, self._place))
        return False

    def before(self, offset: int) -> Place:
        """Return the place that a reader begins with at `offset`, which is never smaller than in an earlier call."""
        while self._later and self._later[0][0] < offset:
            self._before = self._later.popleft()[1]
        return self._before


def note_of(place: Place) -> str:
    """Return a place as the note of a commit; empty for the beginning."""
    return "" if place == BEGINNING else f"{NOTE}{place.passed},{place.newest}@{place.sent_ms}"


def place_of(note: str) -> Place:
    """Return the place that a commit's note says; the beginning, where nothing is known as a repeat, for any other text."""
    numbers, _, sent_ms = note.removeprefix(NOTE).partition("@")
    passed, _, newest = numbers.partition(",")
    try:
        return Place(int(passed), int(newest), int(sent_ms)) if note.startswith(NOTE) else BEGINNING
    except ValueError:
        return BEGINNING

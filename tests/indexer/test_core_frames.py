"""What is told as a repeat by its frame, and what never is."""

import pytest

from services.indexer.core.frames import BEGINNING, FramesRead, Place, note_of, place_of
from tests.indexer.made_logs import START_MS, in_frame, numbered, record


def told(frames: list[int | None], *, sent_ms: list[int] | None = None, place: Place = BEGINNING) -> list[bool]:
    """Return of each record whether it is a repeat, all sent in order unless said."""
    times_ms = sent_ms or list(range(len(frames)))
    alone = record("cam", 0)
    entries = [
        alone if frame is None else in_frame(alone, frame, START_MS + at_ms)
        for frame, at_ms in zip(frames, times_ms, strict=True)
    ]
    read = FramesRead(place)
    return [read.repeats(entry) for entry in numbered(entries)]


def test_what_comes_again_is_a_repeat_and_what_names_no_frame_is_none() -> None:
    assert told([5, 6, 9, 6, 9, 10, None, 5], sent_ms=[0, 1, 2, 1, 2, 3, 4, 0]) == [False] * 3 + [True, True, False, False, True]


def test_one_wrong_number_hides_nothing_that_comes_after_it() -> None:
    assert told([5, 6, 10**12, 7, 8, 6, 7], sent_ms=[0, 1, 2, 2, 2, 1, 2]) == [False] * 5 + [True, True]


def test_a_topic_of_frames_that_was_made_again_begins_anew() -> None:
    assert told([500, 501, 0, 1, 0, 502], sent_ms=[0, 1, 8, 9, 8, 10]) == [False] * 4 + [True, False]


def test_a_later_reader_is_told_of_what_lies_before_its_beginning_and_no_more() -> None:
    read = FramesRead()
    entries = numbered([in_frame(record("cam", 0), frame, START_MS + frame) for frame in (3, 4, 7, 8)])
    for entry in entries:
        assert not read.repeats(entry)
    assert read.before(entries[0].offset) == BEGINNING
    assert read.before(entries[2].offset) == Place(3, 4, START_MS + 4)
    assert read.before(entries[2].offset + 1) == Place(4, 7, START_MS + 7)
    assert told([3, 4, 7], sent_ms=[3, 4, 7], place=Place(3, 4, START_MS + 4)) == [True, True, False]


@pytest.mark.parametrize("place", [BEGINNING, Place(-1, 0, START_MS), Place(3, 4, START_MS)])
def test_a_place_is_read_as_it_was_noted(place: Place) -> None:
    assert place_of(note_of(place)) == place


@pytest.mark.parametrize("note", ["", "frames=", "frames=1@2", "frames=a,b@c", "1,2@3", "frames=1,2,3@4"])
def test_a_note_of_another_program_says_nothing(note: str) -> None:
    assert place_of(note) == BEGINNING

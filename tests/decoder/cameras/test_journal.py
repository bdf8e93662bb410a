"""A journal on a disk that is full: what was written in part is told, and is not read."""

import os
from pathlib import Path

import pytest

from schemas.recordings import JournalLine, Segment, life_folder, parse_journal
from services.decoder.cameras.catching_up import _notice
from services.decoder.cameras.journal import Journal
from services.decoder.cameras.journals import Journals
from services.decoder.cameras.spans import Noted, Reach

BEGIN_MS = 1_763_625_600_000
FIRST, SECOND = (JournalLine(BEGIN_MS + 1_000 * number, 7, number, 1_000 * number) for number in range(2))
ACKNOWLEDGED = JournalLine(BEGIN_MS + 1_000, 7, 1, 1_000, 5, 123_456)
write = os.write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.samples"


def fill_disk(patch: pytest.MonkeyPatch, taken_bytes: int) -> None:
    """Let the disk take so many bytes of each write."""
    patch.setattr(os, "write", lambda file, content: write(file, content[:taken_bytes]))


def test_a_line_that_the_disk_takes_a_part_of_is_an_error_and_the_next_one_is_read(path: Path) -> None:
    journal = Journal(path)
    with pytest.MonkeyPatch.context() as patch:
        fill_disk(patch, 3)
        with pytest.raises(OSError, match="No space left on device"):
            journal.note(FIRST)
    journal.note(SECOND)
    assert path.read_bytes()[:3] == b"176"
    assert parse_journal(path.read_text()) == [SECOND]


@pytest.mark.parametrize("lost_bytes", [1, 2, 4])
def test_an_acknowledgement_that_has_lost_its_end_is_none(path: Path, lost_bytes: int) -> None:
    journal = Journal(path)
    journal.note(SECOND)
    with pytest.MonkeyPatch.context() as patch:
        fill_disk(patch, len(ACKNOWLEDGED.text()) - lost_bytes)
        journal.acknowledge(SECOND, 5, 123_456)
    journal.note(FIRST)
    assert parse_journal(path.read_text()) == [FIRST, SECOND]


def test_a_journal_that_a_crash_has_cut_short_goes_on_with_a_line_of_its_own(path: Path) -> None:
    path.write_text(FIRST.text() + SECOND.text()[:7])
    Journal(path).note(SECOND)
    assert parse_journal(path.read_text()) == [FIRST, SECOND]


def test_what_the_log_shows_is_written_behind_a_piece_of_a_line(tmp_path: Path) -> None:
    segment = Segment(BEGIN_MS, 7)
    journal = tmp_path / life_folder("door", 1) / segment.day / segment.journal_name
    journal.parent.mkdir(parents=True)
    journal.write_text(FIRST.text() + SECOND.text() + ACKNOWLEDGED.text()[:-3])
    journals = Journals(tmp_path, "door", 1)
    journals.complete([Noted(segment, FIRST)], {(7, FIRST.t_ms): 99}, 5)
    assert [one.line.offset for one in journals.read(None)] == [99, -1]


def test_a_line_that_begins_inside_a_piece_of_another_is_no_sample(tmp_path: Path) -> None:
    segment = Segment(BEGIN_MS, 7)
    journal = tmp_path / life_folder("door", 1) / segment.day / segment.journal_name
    journal.parent.mkdir(parents=True)
    journal.write_text(f"{FIRST.text()}176{SECOND.text()}")
    assert [one.line for one in Journals(tmp_path, "door", 1).read(None)] == [FIRST]


def test_what_could_not_be_caught_up_is_said_of_times_beyond_the_calendar_too() -> None:
    assert _notice(Reach(BEGIN_MS, 10**16), "all").startswith("not caught up from 2025-11-20T08:00:00Z to 9999-12-31T23:59:59Z")

"""What commits say beside their offsets."""

import pytest

from streaming.commits import Notes, commit_metadata, note_of, processed_offset


@pytest.mark.parametrize(
    ("committed", "metadata", "processed", "note"),
    [
        (-1001, None, None, ""),
        (7, "", 7, ""),
        (7, "processed=9", 9, ""),
        (7, "processed=9 all of it", 9, "all of it"),
        (7, "written by hand", 7, ""),
        (7, "processed=many of it", 7, "of it"),
    ],
)
def test_a_commit_says_what_was_processed_and_a_foreign_one_is_its_own(
    committed: int, metadata: str | None, processed: int | None, note: str
) -> None:
    assert processed_offset(committed, metadata) == processed
    assert note_of(metadata) == note


@pytest.mark.parametrize("note", ["", "frames=1,2@3"])
def test_metadata_is_read_as_it_was_written(note: str) -> None:
    assert (processed_offset(3, commit_metadata(9, note)), note_of(commit_metadata(9, note))) == (9, note)


def test_the_note_of_a_commit_never_knows_of_what_lies_behind_it() -> None:
    notes = Notes(10, "ten")
    notes.add(15, "fifteen")
    notes.add(20, "twenty")
    notes.add(30, "thirty")
    assert [notes.of(offset) for offset in (10, 14, 15, 22)] == ["ten", "ten", "fifteen", "twenty"]
    assert notes.of(19) == "", "what was passed is forgotten, and nothing is better than what is too much"
    assert notes.of(30) == "thirty"

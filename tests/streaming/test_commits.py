"""What commits say beside their offsets."""

import pytest

from streaming.commits import Notes, begun_of, commit_metadata, note_of, processed_offset


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


def test_what_begins_something_is_told_and_read_by_who_knows_nothing_of_it_as_before() -> None:
    told = commit_metadata(90, "frames=1,2@3", (70, 80))
    assert (begun_of(told), processed_offset(3, told), note_of(told)) == (frozenset({70, 80}), 90, "frames=1,2@3")
    for metadata in (None, "", "by hand", ";begun=5", commit_metadata(90), "processed=9;begun="):
        assert begun_of(metadata) == set()


def test_metadata_never_grows_beyond_what_kafka_takes() -> None:
    told = commit_metadata(10**11, "n" * 100, range(10**10, 10**10 + 5000))
    assert len(told) < 4096
    assert len(begun_of(told)) == 200


def test_the_note_of_a_commit_never_knows_of_what_lies_behind_it() -> None:
    notes = Notes(10, "ten")
    notes.add(15, "fifteen")
    notes.add(20, "twenty")
    notes.add(30, "thirty")
    assert [notes.of(offset) for offset in (10, 14, 15, 22)] == ["ten", "ten", "fifteen", "twenty"]
    assert notes.of(19) == "", "what was passed is forgotten, and nothing is better than what is too much"
    assert notes.of(30) == "thirty"

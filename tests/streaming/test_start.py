"""Where a reader begins when its commit is not in the log, and what it says of that."""

from typing import Any, cast

import pytest

from schemas.messages import Recut
from streaming.commits import commit_metadata
from streaming.metrics import LOST, Metrics
from streaming.records import Partition
from streaming.stage import Start
from streaming.start import start_of

PLACE = Partition("embeddings-bulk", 3)
END = 100


class Sent:
    """An outbox that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[Recut] = []

    def send_message(self, topic: str, message: Recut, *, key: str) -> None:
        assert (topic, key) == ("recut", "embeddings-bulk/3")
        self.messages.append(message)


def begun(committed: int | None, metadata: str | None, first: int, end: int = END) -> tuple[Start, list[tuple[int, int]], int]:
    """Return the start, the spans that were asked for again, and how many records were counted as lost."""
    outbox, metrics = Sent(), Metrics()
    start = start_of(PLACE, committed, metadata, first, end, cast("Any", outbox), metrics)
    spans = [(recut.first_offset, recut.last_offset) for recut in outbox.messages]
    return start, spans, int(metrics.of(LOST).labels(PLACE.topic)._value.get())


def test_without_a_commit_reading_begins_at_the_edge_of_the_log_and_nothing_is_lost() -> None:
    assert begun(None, None, 7) == (Start(PLACE, 7), [], 0)


def test_a_commit_that_is_in_the_log_is_where_reading_goes_on() -> None:
    assert begun(7, commit_metadata(90, "a note"), 7) == (Start(PLACE, 7, resumed=True, note="a note", processed=90), [], 0)


def test_what_another_program_has_committed_says_nothing_of_what_was_processed() -> None:
    assert begun(7, "by hand", 7) == (Start(PLACE, 7, resumed=True), [], 0)


@pytest.mark.parametrize("processed", [30, 66])
def test_what_left_the_log_and_was_only_held_is_asked_for_again_but_is_not_lost(processed: int) -> None:
    start, asked, lost = begun(0, commit_metadata(processed, "a note"), 30)
    assert start == Start(PLACE, 30, resumed=True, note="a note", cut=True, processed=processed)
    assert (asked, lost) == ([(0, 29)], 0)


@pytest.mark.parametrize(
    ("metadata", "lost", "note", "said"),
    [
        (commit_metadata(12, "a note"), 18, "a note", 12),
        (commit_metadata(5), 25, "", 5),
        ("", 25, "", None),
        (None, 25, "", None),
    ],
)
def test_of_what_left_the_log_only_what_was_never_processed_is_lost(
    metadata: str | None, lost: int, note: str, said: int | None
) -> None:
    assert begun(5, metadata, 30) == (Start(PLACE, 30, note=note, cut=True, processed=said), [(5, 29)], lost)


@pytest.mark.parametrize("metadata", [commit_metadata(END, "a note"), commit_metadata(40, "a note")])
def test_a_commit_at_the_very_end_of_the_log_is_in_it(metadata: str) -> None:
    start, asked, lost = begun(END, metadata, 7)
    assert (start.offset, start.cut, asked, lost) == (END, False, [], 0)


@pytest.mark.parametrize(
    ("metadata", "known", "note"),
    [(None, 104, ""), ("by hand", 104, ""), (commit_metadata(104, "a note"), 104, "a note"), (commit_metadata(109), 109, "")],
)
def test_behind_a_commit_beyond_the_end_of_the_log_what_is_written_next_is_read(
    metadata: str | None, known: int, note: str
) -> None:
    begin = Start(PLACE, END, resumed=True, note=note, cut=True)
    assert begun(104, metadata, 7) == (begin, [(END, known - 1)], known - END)


def test_a_log_that_was_made_anew_is_read_from_its_beginning() -> None:
    assert begun(9, commit_metadata(9), 0, end=0) == (Start(PLACE, 0, resumed=True, cut=True), [(0, 8)], 9)


def test_what_a_window_held_and_the_log_has_lost_is_told_and_what_is_left_of_it_is_read_again() -> None:
    begin = Start(PLACE, 90, resumed=True, note="a note")
    assert begun(90, commit_metadata(103, "a note"), 7) == (begin, [(END, 102)], 3)


def test_of_a_log_that_has_lost_both_what_was_held_and_its_end_all_is_asked_for_again() -> None:
    begin = Start(PLACE, 7, resumed=True, note="a note", cut=True)
    assert begun(5, commit_metadata(103, "a note"), 7) == (begin, [(5, 102)], 3)

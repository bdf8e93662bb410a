"""Where a reader begins when its commit has left the log, and what it says of that."""

from typing import Any, cast

import pytest

from schemas.messages import Recut
from streaming.commits import commit_metadata
from streaming.metrics import LOST, Metrics
from streaming.records import Partition
from streaming.stage import Start
from streaming.start import start_of

PLACE = Partition("embeddings-bulk", 3)


class Sent:
    """An outbox that keeps its messages."""

    def __init__(self) -> None:
        self.messages: list[Recut] = []

    def send_message(self, topic: str, message: Recut, *, key: str) -> None:
        assert (topic, key) == ("recut", "embeddings-bulk/3")
        self.messages.append(message)


def begun(committed: int | None, metadata: str | None, first: int) -> tuple[Start, list[tuple[int, int]], int]:
    """Return the start, the spans that were asked for again, and how many records were counted as lost."""
    outbox, metrics = Sent(), Metrics()
    start = start_of(PLACE, committed, metadata, first, cast("Any", outbox), metrics)
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

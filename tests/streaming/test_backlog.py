"""What counts as unread."""

import threading
from typing import Any, cast

import pytest

from streaming.backlog import WatchedBacklog, unread_of
from streaming.errors import Unavailable
from tests.streaming.conftest import await_that


@pytest.mark.parametrize(
    ("start", "end", "processed", "unread"),
    [
        (0, 10, 4, 6),
        (0, 10, 10, 0),
        (3, 10, None, 7),
        (8, 10, 4, 6),  # four have left the log before they were read
        (10, 10, 4, 6),
        (0, 0, 7, 0),  # the topic was made anew
    ],
)
def test_what_was_not_processed_is_unread_and_what_left_the_log_unread_too(
    start: int, end: int, processed: int | None, unread: int
) -> None:
    assert unread_of(start, end, processed) == unread


class AtTimes:
    """A backlog of which Kafka tells nothing at first."""

    def __init__(self) -> None:
        self.is_told, self.closed = threading.Event(), False

    def unread(self) -> int:
        """Return how many are unread."""
        if not self.is_told.is_set():
            raise Unavailable("the backlog is unknown")
        return 7

    def close(self) -> None:
        """Close."""
        self.closed = True


def test_a_watched_backlog_is_unknown_until_kafka_tells_and_nobody_waits_for_it() -> None:
    kafka = AtTimes()
    watched = WatchedBacklog(cast("Any", kafka))
    assert watched.unread() is None
    kafka.is_told.set()
    await_that(lambda: watched.unread() == 7)
    kafka.is_told.clear()
    await_that(lambda: watched.unread() is None)
    watched.close()
    assert kafka.closed

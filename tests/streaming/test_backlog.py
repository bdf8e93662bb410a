"""What counts as unread."""

import pytest

from streaming.backlog import unread_of


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

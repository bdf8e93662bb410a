import threading
import time

import pytest

from streaming.ending import ended_within


def test_all_are_done_at_once() -> None:
    meeting = threading.Barrier(2, timeout=10)
    assert ended_within(10, meeting.wait, meeting.wait)


def test_what_does_not_end_is_left() -> None:
    let, began = threading.Event(), time.monotonic()
    assert not ended_within(0.05, lambda: let.wait(30), lambda: None)
    assert time.monotonic() - began < 10
    let.set()


def test_what_one_raises_is_raised() -> None:
    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        ended_within(10, fail, lambda: None)

import threading
import time

import pytest

from streaming.ending import end_within


def test_all_are_done_in_order() -> None:
    done: list[str] = []
    assert end_within(10, lambda: done.append("first"), lambda: done.append("second"))
    assert done == ["first", "second"]


def test_what_does_not_end_is_left() -> None:
    let, began, done = threading.Event(), time.monotonic(), threading.Event()
    assert not end_within(0.05, lambda: let.wait(30), done.set)
    assert time.monotonic() - began < 10
    assert not done.is_set()
    let.set()
    assert done.wait(10)


def test_what_one_raises_is_raised() -> None:
    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        end_within(10, fail)

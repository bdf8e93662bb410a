"""Backoff of what could not be reached."""

from services.decoder.retries import LAST_SECONDS, Retries


def test_each_failure_waits_longer_up_to_a_limit() -> None:
    retries, now, waits = Retries(), 0.0, list[float]()
    for _ in range(9):
        retries.postpone("a", now)
        due_at = next(at for at in (now + wait / 2 for wait in range(1, 200)) if retries.due(at))
        waits.append(due_at - now)
        now = due_at
    assert waits == [1, 2, 4, 8, 16, 32, LAST_SECONDS, LAST_SECONDS, LAST_SECONDS]


def test_a_source_is_due_once_for_each_failure() -> None:
    retries = Retries()
    retries.postpone("a", 0.0)
    assert (retries.due(0.5), retries.due(1.0), retries.due(99.0)) == ([], ["a"], [])


def test_a_source_that_was_reached_begins_anew() -> None:
    retries = Retries()
    retries.postpone("a", 0.0)
    retries.forget("a")
    assert retries.due(99.0) == []
    retries.postpone("a", 100.0)
    assert retries.due(101.0) == ["a"]

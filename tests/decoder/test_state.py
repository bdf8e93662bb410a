"""The statuses that a decoder follows: of a source the largest life counts, and what hides it is known."""

from typing import Any, cast

from schemas.messages import SourceStatus
from services.decoder.state import Statuses


class Topic:
    """A topic that says what it is told to, as `StateTopic` does."""

    def __init__(self, *said: SourceStatus) -> None:
        self.said = list(said)

    def poll(self) -> list[SourceStatus]:
        said, self.said = self.said, []
        return said

    read_to_end = poll

    def read_on(self, deadline_seconds: float) -> None:
        """Have it said with the next `poll`."""


def status(life: int, since_ms: int = 0) -> SourceStatus:
    return SourceStatus(source_id="a", life=life, state="running", since_ms=since_ms)


def statuses(topic: Topic) -> Statuses:
    return Statuses(cast("Any", topic))


def test_of_what_was_said_before_the_start_the_newest_status_of_the_largest_life_counts() -> None:
    made = statuses(Topic(status(1), status(2), status(2, since_ms=1), status(1, since_ms=2)))
    made.read_to_end()
    assert made.values == {"a": status(2, since_ms=1)}
    assert made.late == {"a": status(1, since_ms=2)}
    assert made.poll() == [], "what was said before is followed by nobody"


def test_all_that_is_said_is_heard_and_a_late_word_hides_the_last_until_that_is_said_again() -> None:
    topic = Topic(status(2), status(1))
    made = statuses(topic)
    assert made.poll() == [status(2), status(1)]
    assert (made.values, made.late) == ({"a": status(2)}, {"a": status(1)})
    topic.said = [status(2)]
    assert made.poll() == [status(2)]
    assert (made.values, made.late) == ({"a": status(2)}, {})


def test_what_is_read_on_counts_at_once_and_is_heard_with_what_is_followed_next() -> None:
    topic = Topic(status(1))
    made = statuses(topic)
    made.read_on(1.0)
    assert made.values == {"a": status(1)}
    topic.said = [status(3)]
    assert made.poll() == [status(1), status(3)]
    assert made.values == {"a": status(3)}

"""A camera that is away is tried for ever, soon at first, and not all cameras at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.decoder.cameras.backoff import JITTER, LONGEST_SECONDS, Backoff


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40))
def test_waits_grow_to_a_bound_and_no_further(numbers: list[float]) -> None:
    left = iter(numbers)
    backoff = Backoff(lambda: next(left))
    waits = [backoff.next_seconds() for _ in numbers]
    assert all(0 < wait <= LONGEST_SECONDS * (1 + JITTER) for wait in waits)


def test_a_camera_that_was_there_is_tried_soon_again() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.next_seconds() for _ in range(5)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    backoff.reset()
    assert backoff.next_seconds() == 0.25


def test_an_answer_is_waited_for_longer_in_every_third_try_and_shortly_from_one_that_was_there() -> None:
    backoff = Backoff(lambda: 0.5)
    waited = []
    for _ in range(6):
        waited.append(backoff.patience_seconds(1_000))
        backoff.next_seconds()
    assert waited == [2.0, 2.0, 5.0, 2.0, 2.0, 5.0]
    backoff.next_seconds()
    backoff.reset()
    assert backoff.patience_seconds(1_000) == 2.0


@pytest.mark.parametrize(("gop_ms", "seconds"), [(None, 5.0), (100, 2.0), (2_000, 3.0), (10_000, 5.0)])
def test_a_camera_is_given_the_time_until_its_next_keyframe(gop_ms: int | None, seconds: float) -> None:
    assert Backoff(lambda: 0.5).patience_seconds(gop_ms) == seconds

"""Times from the future: refused where they are UTC, taken where a producer counts its own."""

import pytest

from schemas.producer_clock import ahead_of

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("t_ms", "captured_ms", "field"),
    [
        (NOW_MS, NOW_MS, None),
        (NOW_MS + 60_000, NOW_MS + 60_000, None),
        (NOW_MS + 60_001, -1, "t_ms"),
        (5, NOW_MS + 60_001, "captured_ms"),
        (999_999_999_999, -1, None),
        (-5, -1, None),
        (None, -1, None),
    ],
)
def test_a_time_ahead_of_us_is_named(t_ms: int | None, captured_ms: int, field: str | None) -> None:
    ahead = ahead_of(NOW_MS, t_ms, captured_ms)
    assert (ahead and ahead[0]) == field


def test_the_sentence_says_how_far_and_what_to_do() -> None:
    ahead = ahead_of(NOW_MS, None, NOW_MS + 3_600_000)
    assert ahead is not None
    assert "3600 s in the future" in ahead[1]
    assert "clock" in ahead[1]

"""Whether a camera that goes dark without a reason is told, and one that has a reason is not."""

from collections.abc import Sequence

import pytest

from tests.chaos.gaps import gaps
from tests.chaos.returns import Absence, Return, Sample

LAST_MS, NEXT_MS = 100_000, 106_000


def told(away: Sequence[Absence] = (), returns: Sequence[Return] = (), next_ms: int = NEXT_MS) -> list[str]:
    """Judge a camera with one sample each half second, but for the time between two of them."""
    times = [*range(90_000, LAST_MS + 1, 500), *range(next_ms, 120_000, 500)]
    return list(gaps({"cam": [Sample(t_ms, t_ms, run=7) for t_ms in reversed(times)]}, returns, away))


def test_a_camera_that_goes_dark_is_told() -> None:
    assert told() == ["cam: not sampled from 100000 to 106000, 6.0 s of it without a reason"]
    assert told(next_ms=105_000) == []


@pytest.mark.parametrize(
    ("away", "is_excused"),
    [
        ([Absence("decoder", 99_000, 99_500)], True),
        ([Absence("decoder", 90_000, 91_000)], True),
        ([Absence("decoder", 80_000, 81_000)], False),
        ([Absence("decoder", 107_000, 108_000)], False),
        ([Absence("embedder", 99_000, 99_500)], False),
        ([Absence("kafka", 99_000, 105_000)], False),
        ([Absence("media", 99_000, 105_000)], False),
        ([Absence("kafka", 99_000, 101_000), Absence("media", 100_500, 105_000)], True),
        ([Absence("kafka", 99_000, 101_000), Absence("media", 102_000, 105_000)], False),
    ],
)
def test_reasons_are_an_owner_that_moves_and_a_disk_that_is_full_while_kafka_is_away(
    away: Sequence[Absence], is_excused: bool
) -> None:
    assert (told(away) == []) is is_excused


def test_a_reason_is_a_fault_on_that_camera_until_it_should_be_sampled_again() -> None:
    fault = Return("cam", "stall", 100_200, 102_000, ends_run=True)
    assert told(returns=[fault]) == []
    assert told(returns=[fault], next_ms=111_000) != []
    assert told(returns=[Return("other", "stall", 100_200, 102_000, ends_run=True)]) != []

"""How soon a camera that is back was sampled, and whether a run reaches over the time that it was away."""

from collections.abc import Sequence

import pytest

from tests.chaos.returns import Absence, Resumption, Return, Sample, moving, resumptions

BEGAN_MS, BACK_MS = 100_000, 106_000
BEFORE = Sample(99_500, 99_500, run=7)


def judged(*samples: Sample, away: Sequence[Absence] = (), ends_run: bool = True) -> Resumption:
    (found,) = resumptions([Return("a", "stall", BEGAN_MS, BACK_MS, ends_run)], {"a": [BEFORE, *samples]}, away)
    return found


def test_a_camera_is_sampled_again_with_the_first_sample_that_is_sent_after_it_is_back() -> None:
    late = Sample(109_500, 109_400, run=8)
    found = judged(Sample(109_000, 108_900, run=8), late, Sample(106_500, 98_000, run=7))
    assert found.seconds == 3.0
    assert not found.complaints()
    assert judged(late).complaints() == ["a after stall: sampled again after 3.5 s, at most 3 are right"]
    assert judged().complaints() == ["a after stall: never sampled again"]


@pytest.mark.parametrize(
    ("since_ms", "until_ms", "excused"),
    [(90_000, 105_000, False), (90_000, 107_000, True), (90_000, 106_999, False), (109_500, 111_000, False),
     (110_500, 111_000, False)],
)  # fmt: skip
def test_nobody_is_late_whose_decoder_was_away_unless_that_is_long_past_or_came_later(
    since_ms: int, until_ms: int, excused: bool
) -> None:
    found = judged(Sample(110_000, 110_000, run=8), away=[Absence("decoder", since_ms, until_ms)])
    assert found.seconds == 4.0
    assert bool(found.complaints()) is not excused


def test_who_comes_back_late_is_not_excused_by_what_happens_while_he_is_late() -> None:
    away = [Absence("decoder", 118_000, 120_000), Absence("decoder", 107_000, 109_000), Absence("decoder", 111_000, 113_000)]
    chained, late = (judged(Sample(at_ms, at_ms, run=8), away=away) for at_ms in (116_000, 121_000))
    assert (chained.owner_away, chained.complaints()) == (True, [])
    assert late.owner_away
    assert late.complaints() == ["a after stall: sampled again after 15.0 s, at most 10 are right"]
    soon = judged(Sample(106_500, 106_500, run=8), away=away)
    assert (soon.owner_away, soon.complaints()) == (False, []), "nobody was away yet"


@pytest.mark.parametrize(
    ("gone", "until_ms"),
    [([], 108_000), ([(99_000, 99_900)], 108_000), ([(107_000, 112_000)], 120_000), ([(121_000, 130_000)], 108_000),
     ([(110_500, 113_000), (107_000, 109_000)], 121_000)],
)  # fmt: skip
def test_cameras_that_move_while_kafka_is_away_are_given_to_somebody_when_it_is_back(
    gone: list[tuple[int, int]], until_ms: int
) -> None:
    away = [Absence("decoder", 99_950, 100_000), *(Absence("kafka", *when) for when in gone), Absence("query", 0, 10**6)]
    assert moving(away) == [Absence("decoder", 99_950, until_ms)]


def test_a_run_that_goes_on_after_the_gap_is_told_where_the_gap_ends_runs() -> None:
    after = Sample(109_000, 109_000, run=7)
    assert judged(after).complaints() == ["a after stall: run 7 reaches over the gap"]
    assert not judged(after, ends_run=False).complaints()
    assert not judged(Sample(109_000, 99_900, run=7), Sample(108_000, 108_000, run=8)).complaints(), "taken before, sent later"

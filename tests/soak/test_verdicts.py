"""Every target of a soak is missed where it should be, and met otherwise."""

from collections.abc import Callable

import pytest

from bench.soak.samples import COLUMNS, Samples, gather
from bench.soak.slope import Slope
from bench.soak.tables import tables
from bench.soak.verdicts import WITHOUT_BUFFER, Trend, freshness, is_flat, verdicts
from tests.soak.made import LOOKS, MINUTES, Line, bent, buffered, good, good_lines, line, only

GROWING = tuple(line(look, "memory_mb", "decoder", 100 + look / 600) for look in LOOKS)
LEAKING = tuple(line(look, "handles", "query", 50 + look // 120) for look in LOOKS)
STALE = tuple(line(second, "found_seconds", "large-1", 0.7) for second in range(60 * MINUTES))
SECONDS = 60 * MINUTES
STEP_SECONDS = 570
"""At three quarters of what comes after the warm-up."""


def missed(*more: Line, without: str = "") -> list[str]:
    return missed_of(bent(*more, without=without))


def missed_of(samples: Samples) -> list[str]:
    return [f"{one.target}: {one.seen}" for one in verdicts(samples) if not one.is_met]


def stepped(what: str, part: str, by: float) -> Samples:
    """Return the good soak in which one process holds so much more from a moment on."""
    lines = [one for one in good_lines() if one[1:3] == (what, part)]
    higher = [line(float(at), what, part, float(value) + by * (float(at) >= STEP_SECONDS)) for at, _, _, value in lines]
    return only(lambda one: one not in lines, *higher)


def test_a_good_soak_meets_every_target() -> None:
    assert [one.seen for one in verdicts(good()) if not one.is_met] == []


@pytest.mark.parametrize(
    ("more", "without", "said"),
    [
        ((*(one for one in good_lines() if one[1:3] == ("memory_mb", "kafka")), *GROWING), "memory_mb", "decoder +6.0 an hour"),
        (LEAKING, "handles", "query +30.6 an hour"),
        ((), "memory_mb", "too little seen of kafka"),
        ((), "drained_seconds", "embeddings-live 3"),
        ((line(760, "unread", "frames-live", 12),), "drained_seconds", "frames-live 12"),
        (STALE, "found_seconds", "p50 ≤ 0.5 s, p99 ≤ 1.5 s: 0.70 s"),
        ((), "found_seconds", "there were none"),
        ((line(400, "pid", "milvus", 999),), "", "milvus was started again"),
        ((line(400, "failed", "pause: HTTP 500", 1),), "", "pause: HTTP 500"),
        ((line(400, "dead_letters", "all", 2),), "", "2 dead letters"),
        ((), "load_ended", "of 11 minutes"),
    ],
)
def test_what_is_not_as_it_should_be_is_missed_and_named(more: tuple[Line, ...], without: str, said: str) -> None:
    assert any(said in one for one in missed(*more, without=without)), missed(*more, without=without)


def test_milvus_is_judged_without_the_write_buffers_of_its_log_which_have_a_bound_of_their_own() -> None:
    assert missed_of(buffered(lambda look: 0.15 * (look % 400))) == []
    (grows,) = missed_of(buffered(lambda look: 0.15 * (look % 400), grows_mb=0.01))
    assert f"{WITHOUT_BUFFER} +40.8 an hour" in grows
    (unbounded,) = missed_of(buffered(lambda look: 0.25 * look))
    assert "at most 128 MB: 164 MB at most, emptied 0 times" in unbounded


def test_minutes_with_an_import_are_judged_apart() -> None:
    late = tuple(line(second + 0.9, "found_seconds", "large-1", 0.8) for second in range(360, 420))
    assert missed(*late) == []
    assert len(freshness(bent(*late), "with an import")) == 120


@pytest.mark.parametrize(("what", "by"), [("memory_mb", 200.0), ("handles", 20.0)])
def test_a_single_step_is_not_flat(what: str, by: float) -> None:
    (grows,) = missed_of(stepped(what, "query", by))
    assert "query" in grows
    assert "from the first tenth to the last" in grows


def test_a_fall_is_no_growth() -> None:
    assert missed_of(stepped("memory_mb", "query", -20.0)) == []


@pytest.mark.parametrize(
    ("rise", "saw", "hours", "flat"),
    [(1.9, 0.0, 1.0, True), (2.1, 0.0, 1.0, False), (2.1, 0.0, 2.0, True), (2.0, 0.0, 0.1, True), (9.0, 10.0, 1.0, True)],
)
def test_what_a_process_may_rise_is_twice_its_slope_or_its_saw(rise: float, saw: float, hours: float, flat: bool) -> None:
    seen = Trend(first=100.0, last=100.0 + rise, most=110.0, slope=Slope(0.5, 0.0, 1.0), hours=hours, saw=saw)
    assert is_flat("memory_mb", seen) == flat
    assert is_flat("handles", seen) == flat


@pytest.mark.parametrize(
    ("gone", "seen"),
    [
        (lambda at: at > 360, "in 13 of 72 looks, not in the last"),
        (lambda at: at < 590, "in 14 of 72 looks"),
        (lambda at: at > 650, "in 71 of 72 looks, not in the last"),
        (lambda at: 400 <= at < 425, "in 67 of 72 looks"),
    ],
    ids=["only in the first minute", "only in the last", "not in the last look", "away in between"],
)
def test_who_was_not_there_all_the_time_is_not_flat(gone: Callable[[float], bool], seen: str) -> None:
    samples = only(lambda one: one[2] != "decoder" or not gone(float(one[0])))
    (memory, handles, *_) = missed_of(samples)
    assert f"too little seen of decoder ({seen})" in memory
    assert f"too little seen of decoder ({seen})" in handles


def test_who_was_missing_in_one_look_is_judged_by_the_others() -> None:
    assert missed_of(only(lambda one: one[2] != "decoder" or one[0] != "400")) == []


def test_a_process_that_ends_and_is_not_replaced_has_ended() -> None:
    said = missed_of(only(lambda one: one[1:3] != ("pid", "decoder") or float(one[0]) < 500))
    assert said == ["no process ends: decoder is not there at the end"]
    ending = only(lambda one: one[1:3] != ("pid", "decoder") or float(one[0]) < 655, line(655, "pid", "decoder", 0))
    assert missed_of(ending) == ["no process ends: decoder is not there at the end"]


def test_when_searches_find_nothing_any_more_both_targets_of_freshness_are_missed() -> None:
    said = missed_of(only(lambda one: one[1] != "found_seconds" or float(one[0]) < 390))
    assert len(said) == 2
    assert "minutes without an import" in said[0]
    assert said[0].endswith("60 samples, 239 never found")
    assert "minutes with an import" in said[1]
    assert said[1].endswith("30 samples, 29 never found")


def test_a_wait_that_is_open_at_the_end_counts_and_one_of_a_moment_does_not() -> None:
    def until(seconds: float) -> Samples:
        return only(lambda one: one[1] != "found_seconds" or float(one[0]) < seconds)

    assert missed_of(until(SECONDS - 1)) == []
    assert "10 never found" in missed_of(until(SECONDS - 11))[0]


def test_of_a_long_wait_that_ended_those_that_were_not_noted_were_not_found() -> None:
    """Of a minute without a find 30 samples are noted: the other half is missing."""
    noted = (("560.0", "found_seconds", "large-1", f"{late}") for late in range(30))
    samples = only(lambda one: one[1] != "found_seconds" or not 500 <= float(one[0]) < 560, *noted)
    assert "29 never found" in missed_of(samples)[0]


def test_rows_that_are_not_confirmed_are_missed_though_none_is_late() -> None:
    stopped = missed_of(only(lambda one: one[1] != "confirmed_seconds" or float(one[0]) < 600))
    assert stopped == ["capture → row: of each camera at least 99 % of the samples outside pauses and removals: "
                       "large-1 300 where 360 were due"]  # fmt: skip
    assert "where 360 were due" in missed(without="confirmed_seconds")[0]


def test_a_camera_that_was_away_needs_no_rows_of_that_time_and_one_without_any_is_missed() -> None:
    away = (
        line(400, "act", "remove", 1),
        line(430, "act", "add", 1),
        line(445, "act", "pause", 1),
        line(475, "act", "resume", 1),
    )
    rows = [
        line(at + 0.2, "confirmed_seconds", "large-2", 0.1) for at in range(SECONDS) if not (400 <= at < 430 or 445 <= at < 475)
    ]
    assert missed(*away, *rows) == []
    assert missed(*rows)[0].endswith("large-2 300 where 360 were due")
    assert missed(*away)[0].endswith("none of 1 cameras where 300 were due")


def test_the_warm_up_is_not_judged() -> None:
    assert missed(*(line(at, "found_seconds", "large-1", 9.0) for at in range(60))) == []


def test_a_line_that_was_cut_off_is_left_out() -> None:
    samples = gather([COLUMNS, ("1.0", "memory_mb", "kafka", "5"), ("6.0", "memory_mb", "ka"), ("7.0", "memory_mb", "kafka", "")])
    assert samples.all("memory_mb") == [(1.0, 5.0)]
    assert samples.ended_seconds == 1.0


def test_a_soak_without_anything_in_it_is_told_as_well() -> None:
    nothing = gather([])
    assert not all(one.is_met for one in verdicts(nothing))
    assert "too little seen" in tables(nothing, verdicts(nothing))

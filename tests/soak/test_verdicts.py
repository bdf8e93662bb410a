"""Every target of a soak is missed where it should be, and met otherwise."""

import pytest

from bench.soak.samples import COLUMNS, Samples, gather
from bench.soak.tables import tables
from bench.soak.verdicts import WITHOUT_BUFFER, freshness, verdicts
from tests.soak.made import LOOKS, MINUTES, Line, bent, buffered, good, good_lines, line

GROWING = tuple(line(look, "memory_mb", "decoder", 100 + look / 600) for look in LOOKS)
LEAKING = tuple(line(look, "handles", "query", 50 + look // 120) for look in LOOKS)
STALE = tuple(line(second, "found_seconds", "large-1", 0.7) for second in range(0, 60 * MINUTES, 2))


def missed(*more: Line, without: str = "") -> list[str]:
    return [f"{one.target}: {one.seen}" for one in verdicts(bent(*more, without=without)) if not one.is_met]


def test_a_good_soak_meets_every_target() -> None:
    assert [one.seen for one in verdicts(good()) if not one.is_met] == []


@pytest.mark.parametrize(
    ("more", "without", "said"),
    [
        ((*(one for one in good_lines() if one[1:3] == ("memory_mb", "kafka")), *GROWING), "memory_mb", "decoder +6.0 an hour"),
        (LEAKING, "handles", "query +27.7 an hour"),
        ((), "memory_mb", "too little seen of kafka"),
        ((), "drained_seconds", "embeddings-live 3"),
        ((line(700, "unread", "frames-live", 12),), "drained_seconds", "frames-live 12"),
        (STALE, "found_seconds", "p50 ≤ 0.5 s, p99 ≤ 1.5 s: 0.70 s"),
        ((), "found_seconds", "there were none"),
        ((line(300, "pid", "milvus", 999),), "", "milvus was started again"),
        ((line(300, "failed", "pause: HTTP 500", 1),), "", "pause: HTTP 500"),
        ((line(300, "dead_letters", "all", 2),), "", "2 dead letters"),
        ((), "load_ended", "of 10 minutes"),
    ],
)
def test_what_is_not_as_it_should_be_is_missed_and_named(more: tuple[Line, ...], without: str, said: str) -> None:
    assert any(said in one for one in missed(*more, without=without)), missed(*more, without=without)


def test_milvus_is_judged_without_the_write_buffers_of_its_log_which_have_a_bound_of_their_own() -> None:
    def missed_of(samples: Samples) -> list[str]:
        return [f"{one.target}: {one.seen}" for one in verdicts(samples) if not one.is_met]

    assert missed_of(buffered(lambda look: 0.15 * (look % 400))) == []
    (grows,) = missed_of(buffered(lambda look: 0.15 * (look % 400), grows_mb=0.01))
    assert f"{WITHOUT_BUFFER} +3" in grows
    (unbounded,) = missed_of(buffered(lambda look: 0.25 * look))
    assert "at most 128 MB: 149 MB at most, emptied 0 times" in unbounded


def test_minutes_with_an_import_are_judged_apart() -> None:
    late = tuple(line(second + 0.5, "found_seconds", "large-1", 0.8) for second in range(300, 360))
    assert missed(*late) == []
    assert len(freshness(bent(*late), "with an import")) == 120


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

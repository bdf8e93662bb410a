"""The table and the figures in it."""

from collections import Counter

import pytest

from tests.chaos.returns import Resumption, Return
from tests.chaos.stalls import Look, longest_stall_seconds
from tests.chaos.table import Report, lines
from tests.comparison import Differences


def looks(*rows: int | None, work_waits: str = "") -> list[Look]:
    return [Look(float(second), count, (work_waits or "y" * len(rows))[second] == "y") for second, count in enumerate(rows)]


@pytest.mark.parametrize(
    ("seen", "longest"),
    [
        (looks(), 0.0),
        (looks(1, 2, 3), 1.0),
        (looks(1, 1, 1, 2), 3.0),
        (looks(1, None, None, 2, 3), 3.0),
        (looks(5, 3, 4, 6), 3.0),  # rows that went and came again are not new
        (looks(1, 1, 1, 1, 2, work_waits="nnyyy"), 2.0),
        (looks(1, 1, 1, work_waits="nnn"), 0.0),
        (looks(1, 2, 2, 2), 2.0),
    ],
)
def test_the_longest_stall_is_the_longest_time_without_a_new_row_while_work_waits(seen: list[Look], longest: float) -> None:
    assert longest_stall_seconds(seen) == longest


def report(**rows: Differences) -> Report:
    return Report(
        seed=4, kills=3, faults=Counter({("kill", "kafka"): 2, ("join", "decoder"): 1}), rows=rows, stalls={"files": 3.25},
        drain_seconds=9.0, sources=5, ended=["embedder-2 ended with status 1"],
    )  # fmt: skip


def test_a_table_counts_faults_and_rows_and_ends_with_the_verdict() -> None:
    told = lines(report(files=Differences(expected=1200), cameras=Differences(expected=80)))
    assert told[1].split() == ["decoder", "·", "·", "·", "1", "·", "·", "·"]
    assert told[2].split() == ["kafka", "2", "·", "·", "·", "·", "·", "·"]
    assert told[3].split() == ["all", "2", "0", "0", "1", "0", "0", "0"]
    assert "files               1200         0         0         0         0           3.2 s" in told
    assert "ended by itself: embedder-2 ended with status 1" in told
    assert told[-1] == "seed 4, 3 faults: nothing lost, nothing wrong, nothing twice"


def test_a_difference_or_work_left_undone_is_no_success_and_says_how_to_repeat_it() -> None:
    lost = report(files=Differences(expected=2, missing=["a/1/f/0 is missing"]))
    assert not lost.is_clean
    assert lines(lost)[-1].endswith("make chaos SEED=4 KILLS=3")
    undone = report(files=Differences(expected=2))
    assert undone.is_clean
    undone.unfinished = ["film-3 is running"]
    assert not undone.is_clean


def test_a_crash_or_three_are_told_and_more_are_no_success() -> None:
    told = report(files=Differences(expected=2))
    told.ended = [
        "indexer-bulk-7 ended with status 0: stopped (log: 0)", "milvus ended with status 1: 1 (log: 1)",
        "kafka was killed (log: kafka.log)", "milvus has not answered for 30 s and was killed", "milvus was ended by SIGABRT: 1",
        "embedder-3 ended with status 1: failed: ended with status 0 (log: 0)", "asked to leave, decoder-1 was killed (log: x)",
        "query-9 ended with status -9 when it was stopped",
    ]  # fmt: skip
    assert [line.split()[0] for line in told.crashes] == ["embedder-3", "asked", "query-9"]
    assert told.is_clean
    told.ended = [*told.ended, "decoder-4 was ended by SIGSEGV: nothing (log: y)"]
    assert "4 crashes of services, at most 3 are right" in lines(told)
    assert not told.is_clean


def test_cameras_have_a_row_of_their_own_and_one_that_comes_back_late_or_is_dark_is_no_success() -> None:
    told = report(cameras=Differences(expected=80))
    told.faults["kill", "camera"] = told.faults["wrap", "camera"] = 1
    back = Return("a", "kill", 1000, 2000, ends_run=True)
    told.resumptions = [Resumption(back, seconds) for seconds in (1.5, 2.0)]
    told.resumptions += [Resumption(back, 8.0, owner_away=True, within_seconds=11.0)]
    written = lines(told)
    assert written[3].split() == ["all", "2", "0", "0", "1", "0", "0", "0"]
    assert written[6].split() == ["all", "1", *"·······", "1"]
    assert "camera back → next sample: 2.0 s at the longest, of 2 times" in written
    assert "while decoders came and went: 8.0 s at the longest, of 1 times" in written
    assert written[-1].endswith("nothing twice")
    told.resumptions = [Resumption(back, 3.5)]
    assert "a after kill: sampled again after 3.5 s, at most 3 are right" in lines(told)
    assert not told.is_clean
    told.resumptions, told.gaps = [], ["a: not sampled from 1000 to 9000, 8.0 s of it without a reason"]
    assert told.gaps[0] in lines(told)
    assert not told.is_clean

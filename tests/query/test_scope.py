"""Which rows a search may return: expressions are read back and compared with brute force over rows in memory."""

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import source_no
from schemas.messages import Source
from services.query import filters
from services.query.daily import daily_ranges
from services.query.problems import Problem
from services.query.scope import Filters, Scope, scope
from tests.query.corpus import file_source

IDS = [f"s{number}" for number in range(8)]
HOUR_MS = 3_600_000


def holds(expression: str, row: dict[str, int]) -> bool:
    """Evaluate an expression as Milvus does: its grammar is Python's but for `true` and `false`."""
    assert re.fullmatch(r"[a-z_0-9 ()<>=!%,\[\]-]*", expression), expression
    return not expression or bool(eval(re.sub(r"\bfalse\b", "False", expression), {}, row))


def no_clock(_: filters.Expression) -> tuple[int, int] | None:
    raise AssertionError("only a time of day needs the span of the clock")


sources = st.builds(
    file_source,
    st.sampled_from(IDS),
    life=st.integers(1, 3),
    wanted=st.sampled_from(["running", "paused", "removed"]),
    category=st.sampled_from(["", "a", "b"]),
    labels=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])),
)
wishes = st.builds(
    Filters,
    sources=st.frozensets(st.sampled_from(IDS), max_size=3),
    categories=st.frozensets(st.sampled_from(["a", "b"]), max_size=1),
    labels=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]), max_size=1),
    since_ms=st.none() | st.integers(0, 50),
    until_ms=st.none() | st.integers(0, 50),
    provisional=st.booleans(),
)


@given(
    st.lists(sources, max_size=8, unique_by=lambda source: source.source_id),
    st.none() | st.frozensets(st.sampled_from(IDS)),
    wishes,
)
def test_an_expression_matches_the_rows_that_brute_force_does(
    known: list[Source], sight: frozenset[str] | None, wanted: Filters
) -> None:
    by_number = {source_no(source.source_id): source for source in known}
    limits = scope(by_number, sight, wanted, no_clock)
    for number, source in by_number.items():
        for life in (1, 2, 3):
            for captured_ms in (-1, 0, 20, 50):
                for provisional in (False, True):
                    row = {
                        "source_no": number, "life": life, "captured_ms": captured_ms, "provisional": provisional, "t_ms": 0,
                    }  # fmt: skip
                    assert found(limits, row) == may_come_back(source, row, sight, wanted)


def found(limits: Scope, row: dict[str, int]) -> bool:
    return bool(limits.sources) and holds(limits.expression, row)


def may_come_back(source: Source, row: dict[str, int], sight: frozenset[str] | None, wanted: Filters) -> bool:
    return (
        source.wanted != "removed"
        and row["life"] == source.life
        and (sight is None or source.source_id in sight)
        and (not wanted.sources or source.source_id in wanted.sources)
        and (not wanted.categories or source.category in wanted.categories)
        and all(source.labels.get(name) == value for name, value in wanted.labels.items())
        and (wanted.since_ms is None or row["captured_ms"] >= wanted.since_ms)
        and (wanted.until_ms is None or -1 < row["captured_ms"] < wanted.until_ms)
        and (wanted.provisional or not row["provisional"])
    )


def test_a_key_with_limited_sight_never_matches_rows_of_unknown_sources() -> None:
    known = {source_no(source_id): file_source(source_id) for source_id in IDS}
    stranger = {"source_no": source_no("stranger"), "life": 1, "captured_ms": 0, "provisional": False}
    assert not holds(scope(known, frozenset(IDS), Filters(), no_clock).expression, stranger)


def test_of_two_ways_to_say_it_the_shorter_is_chosen() -> None:
    many = dict.fromkeys(range(1_000), 1)
    assert filters.lives(many, [], closed=False) == "life == 1"
    assert filters.lives(many, [7_000], closed=False) == "life == 1 and source_no not in [7000]"
    assert filters.lives({1: 1}, range(2, 1_000), closed=False) == "life == 1 and source_no in [1]"


@given(st.integers(0, 23), st.integers(0, 23), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_a_time_of_day_is_that_of_the_clock_on_the_wall(begin_hour: int, end_hour: int, zone: str) -> None:
    first = int(datetime(2025, 3, 28, tzinfo=UTC).timestamp() * 1000)
    last = first + 5 * 24 * HOUR_MS  # both changes to summer time of the year are not far
    begin, end = time(begin_hour, 30), time(end_hour, 30)
    ranges = daily_ranges(begin, end, ZoneInfo(zone), first, last)
    for moment_ms in range(first, last, HOUR_MS // 2):
        wall = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(ZoneInfo(zone)).time()
        expected = begin <= wall < end if begin < end else wall >= begin or wall < end
        if wall.hour in (2, 3):
            continue  # half past two does not exist in the night of the change
        assert any(start <= moment_ms < stop for start, stop in ranges) == expected


def test_a_source_s_own_time_zone_goes_before_that_of_the_filter() -> None:
    here, there = file_source("here"), file_source("there", labels={"timezone": "Asia/Tokyo"})
    known = {source_no(source.source_id): source for source in (here, there)}
    span = (1_763_596_800_000, 1_763_683_199_999)
    limits = scope(known, None, Filters(time_of_day=(time(9), time(10))), lambda _: span)
    nine_in_tokyo = {"captured_ms": span[0] + 30 * 60_000, "life": 1}
    assert [holds(limits.expression, nine_in_tokyo | {"source_no": number}) for number in known] == [False, True]


@pytest.mark.parametrize("timezone", ["Europe", "Mars/Olympus", "A" * 300, "", "../../etc/passwd"])
def test_a_label_that_is_no_time_zone_counts_for_nothing(timezone: str) -> None:
    source = file_source("there", labels={"timezone": timezone})
    known, span = {source_no("there"): source}, (1_763_596_800_000, 1_763_683_199_999)
    wanted = Filters(time_of_day=(time(9), time(10)), zone=ZoneInfo("Asia/Tokyo"))
    nine_in_tokyo = {"captured_ms": span[0] + 30 * 60_000, "life": 1, "source_no": source_no("there")}
    assert holds(scope(known, None, wanted, lambda _: span).expression, nine_in_tokyo)


def test_a_time_of_day_over_too_many_days_names_the_way_out() -> None:
    known = {source_no("a"): file_source("a")}
    with pytest.raises(Problem, match="since and until"):
        scope(known, None, Filters(time_of_day=(time(9), time(10))), lambda _: (0, 2_000 * 24 * HOUR_MS))

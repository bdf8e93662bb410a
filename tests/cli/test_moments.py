from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framebus.cli.failure import BAD_USAGE, Failure
from framebus.cli.moments import clock, parse_days, parse_moment, span

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("-15m", "2026-11-20T07:45:00.000Z"),
        ("-2h", "2026-11-20T06:00:00.000Z"),
        ("-3d", "2026-11-17T08:00:00.000Z"),
        ("-1.5s", "2026-11-20T07:59:58.500Z"),
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00.000Z"),
        ("2026-11-20T09:00:00+01:00", "2026-11-20T08:00:00.000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000Z"),
    ],
)
def test_a_moment_is_iso_8601_or_an_age(typed: str, moment: str) -> None:
    assert parse_moment(typed, NOW) == moment


@pytest.mark.parametrize("typed", ["", "yesterday", "15m", "-m", "-5y", "2026-13-01", "-999999999w"])
def test_what_is_no_moment_is_told_with_the_ways_to_write_one(typed: str) -> None:
    with pytest.raises(Failure, match="not a time") as refused:
        parse_moment(typed, NOW)
    assert refused.value.exit_code == BAD_USAGE
    assert "ISO 8601" in refused.value.remedy


@given(st.integers(0, 10**6), st.sampled_from("smhd"))
def test_an_age_is_exact(count: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit] * count
    parsed = datetime.fromisoformat(parse_moment(f"-{count}{unit}", datetime(9000, 1, 1, tzinfo=UTC)))
    assert parsed == datetime(9000, 1, 1, tzinfo=UTC) - timedelta(seconds=seconds)


@pytest.mark.parametrize(("typed", "days"), [("14d", 14.0), ("36h", 1.5), ("2w", 14.0)])
def test_a_length_of_time_is_days(typed: str, days: float) -> None:
    assert parse_days(typed) == days


@pytest.mark.parametrize("typed", ["", "14", "d", "14 days", "-3d"])
def test_a_length_of_time_needs_its_unit(typed: str) -> None:
    with pytest.raises(Failure, match="not a length of time"):
        parse_days(typed)


def test_times_in_a_file_are_clock_times_from_its_start() -> None:
    assert clock(0) == "0:00:00"
    assert clock(67_999) == "0:01:07"
    assert clock(36_000_000) == "10:00:00"
    assert span(67_000, 72_000) == "0:01:07–0:01:12"


def test_times_of_a_camera_are_dates_and_the_end_of_a_segment_is_short_on_the_same_day() -> None:
    assert clock(1_763_625_600_000) == "2025-11-20 08:00:00"
    assert span(1_763_625_600_000, 1_763_625_604_000) == "2025-11-20 08:00:00–08:00:04"
    assert span(1_763_682_995_000, 1_763_683_205_000) == "2025-11-20 23:56:35–2025-11-21 00:00:05"

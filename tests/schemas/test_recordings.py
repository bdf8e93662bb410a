"""Names of recorded media, and their journals."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.limits import LARGEST_T_MS
from schemas.recordings import JournalLine, Segment, day_of, life_folder, on_calendar, parse_journal, parse_segment

TIMES = st.integers(0, 4_000_000_000_000)
LINES = st.builds(
    JournalLine, TIMES, TIMES, st.integers(0, 10**6), st.integers(0, 60_000), st.integers(-1, 23), st.integers(-1, 10**9)
)


@given(TIMES, TIMES)
def test_a_segment_is_read_from_its_own_name(start_ms: int, run: int) -> None:
    assert parse_segment(Segment(start_ms, run).name) == Segment(start_ms, run)


def test_what_is_no_segment_is_none() -> None:
    assert parse_segment("1-2.samples") is None
    assert parse_segment("x.mp4") is None


def test_a_segment_lies_in_the_day_of_its_beginning() -> None:
    assert day_of(1_763_625_600_000) == Segment(1_763_625_600_000, 1).day == "2025-11-20"
    assert str(life_folder("gate", 2)) == "recordings/gate/2"


@given(st.integers(-LARGEST_T_MS, LARGEST_T_MS))
def test_every_time_on_a_timeline_has_a_day(t_ms: int) -> None:
    assert len(day_of(t_ms)) == len("2025-11-20")
    assert day_of(LARGEST_T_MS) == "9999-12-31"


@given(st.lists(LINES))
def test_the_last_line_of_a_sample_counts(lines: list[JournalLine]) -> None:
    newest = {line.t_ms: line for line in lines}
    assert parse_journal("".join(line.text() for line in lines)) == [newest[t_ms] for t_ms in sorted(newest)]


def test_a_line_cut_short_by_a_crash_is_left_out() -> None:
    first, second = JournalLine(1, 1, 0, 0), JournalLine(2, 1, 1, 1)
    assert parse_journal(first.text() + second.text()[:-3]) == [first]


def test_a_line_of_other_numbers_is_left_out() -> None:
    first = JournalLine(1, 1, 0, 0)
    assert parse_journal(first.text() + f"2 1 1 1 1 {'9' * 5_000}\n2 1 1 1 1 ٣\n") == [first]


@given(st.integers(1, 12), st.integers(1_000_000_000_000, 4_000_000_000_000))
def test_a_line_that_begins_inside_the_time_of_another_is_left_out(kept: int, begins_ms: int) -> None:
    first, second = JournalLine(begins_ms, 1, 0, 0), JournalLine(begins_ms + 1_000, 1, 1, 1_000)
    glued = first.text() + second.text()[:kept] + second.text()
    assert parse_journal(glued, begins_ms) == [first]


def test_times_beyond_the_calendar_are_its_ends() -> None:
    assert on_calendar(10**16).year == 9999
    assert on_calendar(-(10**16)).year == 1

"""What is said of a source in a life that is over hides nothing of the one in force, whenever it comes."""

import msgspec

from schemas.messages import Plan, SourceStatus, Span
from services.query.access import Grant
from services.query.sources import SourceBook
from tests.query.corpus import file_source

ALL = Grant("key", frozenset({"search"}))
SPAN = Span(index=0, start_ms=0, end_ms=60_000)
PLAN = Plan(life=2, fingerprint="f", duration_ms=60_000, sample_fps=2.0, seekable=True, chunks=(SPAN,))
NOW = SourceStatus(source_id="a", life=2, state="running", since_ms=1, plan=PLAN)
LATE = SourceStatus(source_id="a", life=1, state="failed", since_ms=9, error="the file is gone")


def test_a_late_status_of_a_life_that_is_over_hides_no_plan() -> None:
    book = SourceBook("tiny-0@00000000")
    book.follow_sources([file_source("a", life=2)], {"a": 0})
    book.follow_statuses([NOW])
    book.follow_statuses([LATE])
    view = book.view(book.get("a", ALL))
    assert (view.state, view.error, view.chunks_planned) == ("running", None, 1)


def test_a_status_that_is_read_before_its_life_begins_counts_when_that_has_begun() -> None:
    book = SourceBook("tiny-0@00000000")
    first = msgspec.structs.replace(NOW, life=1, plan=msgspec.structs.replace(PLAN, life=1))
    book.follow_sources([file_source("a")], {"a": 0})
    book.follow_statuses([first, msgspec.structs.replace(NOW, state="paused")])
    assert book.view(book.get("a", ALL)).state == "running"
    book.follow_sources([file_source("a", life=2)], {"a": 1})
    assert book.view(book.get("a", ALL)).state == "waiting", "it is not wanted paused any more"
    assert book.view(book.get("a", ALL)).chunks_planned == 1

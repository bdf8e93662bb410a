import io

import pytest
from rich.console import Console

from framebus.client import Hit, SearchResult
from framebus.demo.phases import Phases
from framebus.demo.report import next_steps, searches_table, verdict_line
from framebus.demo.script import CLIPS, Clip, Expectation, Picture, Query, Script, read_script, title_of
from framebus.demo.verdict import is_right

BEACH = Clip(file="beach.mp4", source_id="demo-beach", title="The beach")
SCRIPT = Script(clips=(BEACH,), queries=())
EXPECTED = Expectation(source_id="demo-beach", within_ms=(2_000, 5_000))


def answer(source_id: str = "demo-beach", peak_ms: int = 3_000, *, found: bool = True) -> SearchResult:
    return SearchResult(
        hits=(Hit(source_id=source_id, start_ms=peak_ms - 500, end_ms=peak_ms + 500, peak_ms=peak_ms, score=0.3),), found=found
    )


@pytest.mark.parametrize(
    ("result", "expected", "right"),
    [
        (answer(), EXPECTED, True),
        (answer(peak_ms=5_001), EXPECTED, False),
        (answer("demo-street"), EXPECTED, False),
        (answer(found=False), EXPECTED, False),
        (SearchResult(hits=(), found=True), EXPECTED, False),
        (answer(found=False), None, True),
        (answer(), None, False),
    ],
)
def test_a_search_is_right_when_its_first_hit_is_there_or_nothing_is_found_where_nothing_is(
    result: SearchResult, expected: Expectation | None, right: bool
) -> None:
    assert is_right(result, expected) is right


def test_a_query_is_named_as_people_say_it() -> None:
    assert title_of(Query(text="a red car"), SCRIPT) == "“a red car”"
    picture = Query(image_from=Picture(file="beach.mp4", t_ms=3_000))
    assert title_of(picture, SCRIPT) == "a picture: The beach, at 0:00:03"


def test_the_table_marks_what_is_wrong_and_says_what_should_be() -> None:
    screen = Console(file=io.StringIO(), width=120)
    rows = [(Query(text="a red car", expect=EXPECTED), answer()), (Query(text="a submarine"), answer())]
    screen.print(searches_table(SCRIPT, rows))
    assert isinstance(screen.file, io.StringIO)
    said = screen.file.getvalue()
    assert said.count("✓") == 1
    assert said.count("✗") == 1
    assert "should be" in said
    assert "The beach" in said


def test_the_verdict_counts() -> None:
    assert "All 7" in verdict_line(7, 7).plain
    assert verdict_line(5, 7).plain == "2 of 7 searches did not find what they should."


def test_the_address_of_the_page_holds_the_key_where_no_server_sees_it() -> None:
    screen = Console(file=io.StringIO(), width=120)
    screen.print(next_steps("http://127.0.0.1:8080", "fb_key", "framebus"))
    assert isinstance(screen.file, io.StringIO)
    assert "http://127.0.0.1:8080/#key=fb_key" in screen.file.getvalue()


def test_a_phase_that_fails_is_not_ticked_off() -> None:
    screen = Console(file=io.StringIO(), width=120)
    with pytest.raises(ValueError, match="broken"), Phases(screen).phase("adding", "added"):
        raise ValueError("broken")
    assert isinstance(screen.file, io.StringIO)
    assert "✓" not in screen.file.getvalue()


def test_the_shipped_script_names_clips_that_are_there() -> None:
    script = read_script()
    assert all((CLIPS / clip.file).is_file() for clip in script.clips)
    ids = {clip.source_id for clip in script.clips}
    assert len(ids) == len(script.clips)
    assert {query.expect.source_id for query in script.queries if query.expect} <= ids
    assert any(query.expect is None for query in script.queries), "one search asks for what is not there"
    assert all(query.text or query.image_from for query in script.queries)

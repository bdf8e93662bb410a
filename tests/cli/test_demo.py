import io
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from framebus.client import Hit, SearchResult
from framebus.demo.looping import CameraDidNotStart, looping_camera
from framebus.demo.phases import Phases
from framebus.demo.playing import shown_by
from framebus.demo.report import next_steps, ranking_table, searches_table, verdict_line
from framebus.demo.script import CLIPS, Clip, Expectation, Picture, Query, Script, read_script, title_of
from framebus.demo.verdict import is_right

BEACH = Clip(file="beach.mp4", source_id="demo-beach", title="The beach")
GATE = Clip(file="gate.mp4", source_id="gate", title="The gate", live=True)
SCRIPT = Script(clips=(BEACH, GATE), queries=(), ranking="a person")
NOW_MS = 1_800_000_000_000
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
        (answer("gate", NOW_MS), Expectation(source_id="gate", within_ms=(0, 1)), True),
        (answer("gate", NOW_MS - 1), Expectation(source_id="gate", within_ms=(0, 1)), False),
        (answer(), Expectation(source_id="gate", within_ms=(0, 9_000)), False),
    ],
)
def test_a_search_is_right_when_its_first_hit_is_there_or_nothing_is_found_where_nothing_is(
    result: SearchResult, expected: Expectation | None, right: bool
) -> None:
    assert is_right(result, expected, SCRIPT, NOW_MS) is right


def test_a_query_is_named_as_people_say_it() -> None:
    assert title_of(Query(text="a red car"), SCRIPT) == "“a red car”"
    picture = Query(image_from=Picture(file="beach.mp4", t_ms=3_000))
    assert title_of(picture, SCRIPT) == "a picture: The beach, at 0:00:03"


def test_the_table_marks_what_is_wrong_and_says_what_should_be() -> None:
    screen = Console(file=io.StringIO(), width=120)
    rows = [(Query(text="a red car", expect=EXPECTED), answer()), (Query(text="a submarine"), answer())]
    screen.print(searches_table(SCRIPT, rows, NOW_MS, NOW_MS))
    assert isinstance(screen.file, io.StringIO)
    said = screen.file.getvalue()
    assert said.count("✓") == 1
    assert said.count("✗") == 1
    assert "should be" in said
    assert "The beach" in said


def test_a_ranking_tells_the_camera_from_files_and_how_long_ago_it_showed_it() -> None:
    screen = Console(file=io.StringIO(), width=120)
    hits = (*answer("gate", NOW_MS - 4_000).hits, *answer().hits)
    screen.print(ranking_table(SCRIPT, SearchResult(hits=hits, found=True), NOW_MS))
    assert isinstance(screen.file, io.StringIO)
    live, file = (line.split() for line in screen.file.getvalue().splitlines() if "The" in line)
    assert live == ["1", "The", "gate", "●", "live", "4", "s", "ago", "0.300"]
    assert file[:4] == ["2", "The", "beach", "file"]


def test_the_verdict_counts() -> None:
    assert "All 7" in verdict_line(7, 7).plain
    assert verdict_line(5, 7).plain == "2 of 7 searches did not find what they should."


def test_the_address_of_the_page_holds_the_key_where_no_server_sees_it() -> None:
    screen = Console(file=io.StringIO(), width=120)
    screen.print(next_steps("http://127.0.0.1:8080", "fb_key", "framebus", "a person"))
    assert isinstance(screen.file, io.StringIO)
    assert "http://127.0.0.1:8080/#key=fb_key" in screen.file.getvalue()
    assert "http://127.0.0.1:8080/?q=a%20person#key=fb_key" in screen.file.getvalue()


def test_a_phase_that_fails_is_not_ticked_off() -> None:
    screen = Console(file=io.StringIO(), width=120)
    with pytest.raises(ValueError, match="broken"), Phases(screen).phase("adding", "added"):
        raise ValueError("broken")
    assert isinstance(screen.file, io.StringIO)
    assert "✓" not in screen.file.getvalue()


def test_the_shipped_script_names_clips_that_are_there() -> None:
    script = read_script()
    assert all((CLIPS / clip.file).is_file() for clip in script.clips)
    ids = set(script.ids)
    assert [clip.file for clip in script.clips if clip.live] == [script.camera.file]
    assert any(query.expect.source_id == script.camera.source_id for query in script.queries if query.expect)
    assert len(ids) == len(script.clips)
    assert {query.expect.source_id for query in script.queries if query.expect} <= ids
    assert any(query.expect is None for query in script.queries), "one search asks for what is not there"
    assert all(query.text or query.image_from for query in script.queries)


def test_a_clip_is_served_as_a_camera_until_the_block_ends() -> None:
    with looping_camera(CLIPS / read_script().camera.file) as address:
        assert urlsplit(address).path == "/beach"
        host, port = urlsplit(address).hostname, urlsplit(address).port
        with socket.create_connection((host, port), 5) as connection:
            connection.sendall(f"DESCRIBE {address} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
            assert b"H264/90000" in connection.recv(4096)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), 5).close()


def test_a_camera_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(CameraDidNotStart, match="text"), looping_camera(tmp_path / "text.mp4"):
        pytest.fail("it started")


def test_what_a_clip_shows_is_found_by_decoding_it() -> None:
    shown = shown_by((CLIPS / "beach.mp4").read_bytes())
    assert (shown.width, shown.height, shown.pictures) == (640, 360, 225)
    assert shown.seconds == pytest.approx(15.0, abs=0.1)

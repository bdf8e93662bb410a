import io
import re
from typing import Any

import pytest
from rich.console import Console

from framebus.cli import search
from framebus.cli.control import deleted
from framebus.cli.progress import follow
from framebus.cli.sources import show
from framebus.client import Hit, Removal, SearchResult, Source, Took
from framebus.client.results import State

NOW_MS = 1_795_161_605_500
"""2026-11-20, 08:00:05.500 UTC."""


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), width=120, highlight=False, markup=False)


def text_of(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def file_source(number: int, state: State = "indexed", **fields: Any) -> Source:
    return Source(source_id=f"clip-{number}", kind="file", state=state, **fields)


def hit(**fields: Any) -> Hit:
    return Hit(source_id="clip-1", start_ms=67_000, end_ms=72_000, peak_ms=69_000, score=0.291, **fields)


def test_sources_are_a_line_each_with_their_errors(screen: Console) -> None:
    show(
        screen,
        [file_source(1, rows=1234), file_source(2, "running", progress=0.457), file_source(3, "failed", error="[broken] file")],
        NOW_MS,
    )
    said = text_of(screen)
    assert "1,234" in said
    assert "45 %" in said
    assert "[broken] file" in said
    assert "3 sources: 1 running, 1 indexed, 1 failed" in said


def test_an_empty_list_says_how_to_begin(screen: Console) -> None:
    show(screen, [], NOW_MS)
    assert "framebus add FILE" in text_of(screen)


def test_above_fifty_sources_there_is_a_summary_and_what_needs_attention(screen: Console) -> None:
    show(screen, [*(file_source(n) for n in range(100)), file_source(100, "failed", error="no video stream")], NOW_MS)
    said = text_of(screen)
    assert "101 sources: 100 indexed, 1 failed" in said
    assert "no video stream" in said
    assert "clip-42" not in said


def camera(number: int, state: State = "running", **fields: Any) -> Source:
    return Source(source_id=f"cam-{number}", kind="camera", state=state, since_ms=NOW_MS - 3_600_000, **fields)


def test_a_camera_shows_since_when_how_fresh_and_why(screen: Console) -> None:
    fresh: dict[str, Any] = {
        "samples_per_second": 1.0,
        "last_sample_at": "2026-11-20T08:00:01.500Z",
        "searchable_seconds": 0.94,
    }
    show(screen, [camera(1, **fresh), camera(2, "waiting", error="the camera refuses: 401"), file_source(1)], NOW_MS)
    said = text_of(screen)
    assert re.search(r"cam-1 +camera +running +1 h +1\.0 +4 s ago +0\.9 s", said)
    assert "the camera refuses: 401" in said


def test_many_cameras_are_summed_up_and_those_in_trouble_are_listed(screen: Console) -> None:
    fresh: dict[str, Any] = {"samples_per_second": 1.0, "last_sample_at": "2026-11-20T08:00:01.500Z"}
    late = fresh | {"last_sample_at": "2026-11-20T07:00:05Z"}
    show(screen, [*(camera(n, **fresh) for n in range(98)), camera(98, **late), camera(99, "waiting", error="no answer")], NOW_MS)
    said = text_of(screen)
    assert "100 sources: 1 waiting, 99 running" in said
    assert "99.0 samples/s; the last sample of cam-98 is the oldest, 1 h ago" in said
    assert "no answer" in said
    assert "cam-42" not in said


def test_hits_show_where_when_and_how_good(screen: Console) -> None:
    search.show(screen, SearchResult(hits=(hit(),), found=True, space="pico-1@3fa9c1d2", took_ms=Took(total=9.2)))
    said = text_of(screen)
    assert "clip-1" in said
    assert "0:01:07–0:01:12" in said
    assert "0.291" in said
    assert "1 hit in 9 ms" in said
    assert "captured" not in said


def test_wall_clock_time_is_shown_where_it_is_known(screen: Console) -> None:
    search.show(screen, SearchResult(hits=(hit(captured_at="2026-11-20T08:00:01.500Z"),), found=True))
    assert "2026-11-20T08:00:01.500Z" in text_of(screen)


def test_nothing_found_is_said_first_and_the_nearest_follow(screen: Console) -> None:
    search.show(screen, SearchResult(hits=(hit(),), found=False, notice="A small demonstration model."))
    said = text_of(screen)
    assert said.startswith("Nothing found. The nearest, not good enough to be it:")
    assert "demonstration model" in said


def test_nothing_at_all_promises_no_list(screen: Console) -> None:
    search.show(screen, SearchResult(hits=(), found=False))
    assert text_of(screen).startswith("Nothing found.\n")


def test_without_a_terminal_progress_is_a_line_for_each_change(screen: Console) -> None:
    steps = [
        [file_source(1, "waiting")],
        [file_source(1, "running", progress=0.1)],
        [file_source(1, "running", progress=0.2)],
        [file_source(1, "running", progress=0.6)],
        [file_source(1)],
    ]
    assert list(follow(steps, screen)) == steps
    assert text_of(screen).splitlines() == [
        "clip-1 waiting 0 %",
        "clip-1 running 10 %",
        "clip-1 running 60 %",
        "clip-1 indexed 100 %",
    ]


def test_on_a_terminal_the_last_picture_stays() -> None:
    screen = Console(file=io.StringIO(), width=100, force_terminal=True, highlight=False)
    list(follow([[file_source(1, "running", progress=0.5)], [file_source(1, rows=42)]], screen))
    last = text_of(screen).splitlines()[-1]
    assert "100 %" in last
    assert "indexed" in last
    assert "42 rows" in last


def test_a_removal_says_what_it_deleted_as_far_as_the_server_does() -> None:
    assert deleted(Removal(rows=1200, media_files=1)) == ": 1,200 rows, 1 stored media files"
    assert deleted(Removal(rows=3, media_files=2, media_bytes=12_340_000)) == ": 3 rows, 2 stored media files (12.3 MB)"
    assert deleted(Removal()) == ""

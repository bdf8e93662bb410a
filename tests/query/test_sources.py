"""Sources: rules of lives, states, and the book that shadows the log."""

import itertools
import threading
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from schemas.lives import life_at
from schemas.messages import Camera, ChunkStatus, IndexEvent, Plan, RowWritten, Source, SourceStatus, Span
from services.query import wanted
from services.query.access import Grant
from services.query.problems import Problem
from services.query.source_request import parse, patched
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.wanted import Wish
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.query.corpus import file_source

SPACE = "tiny-0@00000000"
ALL = Grant("key", frozenset({"search"}))
FILE = Wish(kind="file", url="/a.mp4", sample_fps=2.0)
CAPTURED = Wish(kind="camera", url="rtsp://c/1", sample_fps=1.0)
PUSH = Wish(kind="push", url=None, sample_fps=2.0)
PLAN = Plan(
    life=1, fingerprint="f", duration_ms=90_000, sample_fps=2.0, seekable=True,
    chunks=(Span(index=0, start_ms=0, end_ms=60_000), Span(index=1, start_ms=60_000, end_ms=120_000)),
)  # fmt: skip


CAMERA = Camera(codec="h264", width=1920, height=1080, decodes="keyframes", gop_ms=1_000, clock="reports", clock_off_ms=12)


def status(state: str, plan: Plan | None = None, camera: Camera | None = None, **fields: Any) -> SourceStatus:
    given = {"source_id": "a", "life": 1, "state": state, "since_ms": 0} | fields
    return msgspec.structs.replace(msgspec.convert(given, SourceStatus), plan=plan, camera=camera)


def chunk(index: int, rows: int, space: str = SPACE, life: int = 1) -> ChunkStatus:
    return ChunkStatus(stream=f"a/{life}/c{index}", source_id="a", life=life, index=index, space=space, rows=rows)


def put(last: Source | None, wish: Wish, now_ms: int = 10) -> Source:
    return wanted.put(last, "a", wish, now_ms)


@pytest.mark.parametrize("change", [{"url": "/b.mp4"}, {"sample_fps": 1.0}, {"starts_at": "2026-01-01T00:00:00Z"}])
def test_a_file_lives_anew_when_its_timeline_changes(change: dict[str, Any]) -> None:
    first = put(None, FILE)
    second = put(first, replace(FILE, **change), 20)
    assert [life.life for life in second.lives] == [1, 2]
    assert second.lives[1].began_ms == 20


@pytest.mark.parametrize(
    "change", [{"name": "n"}, {"category": "c"}, {"labels": (("k", "v"),)}, {"wanted": "paused"}, {"keep_days": 3.0}]
)
def test_what_does_not_touch_the_timeline_keeps_the_life(change: dict[str, Any]) -> None:
    assert put(put(None, FILE), replace(FILE, **change), 20).life == 1


def test_a_removed_source_lives_anew_when_it_is_added_again_and_not_before() -> None:
    gone = wanted.remove(put(None, FILE))
    assert (gone.wanted, gone.life) == ("removed", 1)
    assert put(gone, FILE, 20).life == 2
    assert put(put(gone, FILE, 20), FILE, 30).life == 2


def test_lives_begin_one_after_the_other_even_when_the_clock_stands_still() -> None:
    again = put(wanted.remove(put(None, FILE, 10)), FILE, 10)
    assert [life.began_ms for life in again.lives] == [10, 11]


def test_a_record_names_its_last_lives_and_what_was_written_before_them_is_of_none_in_force() -> None:
    source = put(None, FILE, 10)
    for number in range(3 * wanted.LIVES_KEPT):
        source = put(wanted.remove(source), FILE, 20 + number)
    assert [life.life for life in source.lives] == list(range(source.life - wanted.LIVES_KEPT + 1, source.life + 1))
    assert life_at(source, source.lives[-1].began_ms) == source.life == 3 * wanted.LIVES_KEPT + 1
    assert life_at(source, 10) < source.life


def test_a_push_source_does_not_live_anew_when_its_rate_changes() -> None:
    assert put(put(None, PUSH), replace(PUSH, sample_fps=1.0)).life == 1


def test_a_camera_with_another_address_or_rate_is_the_same_camera() -> None:
    assert put(put(None, CAPTURED), replace(CAPTURED, url="rtsp://c/2", sample_fps=2.0, record=False), 20).life == 1


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations((FILE, CAPTURED, PUSH), 2)])
def test_a_source_that_becomes_one_of_another_kind_lives_anew(before: Wish, after: Wish) -> None:
    second = put(put(None, before), after, 20)
    assert ([life.life for life in second.lives], second.lives[1].began_ms) == ([1, 2], 20)
    assert put(second, after, 30).life == 2


def test_an_unknown_id_is_registered_once_and_never_revives_what_was_removed() -> None:
    new = wanted.register(None, "a", 2.0, 10)
    assert new is not None
    assert (new.kind, new.life) == ("push", 1)
    assert wanted.register(new, "a", 2.0, 20) is None
    assert wanted.register(wanted.remove(new), "a", 2.0, 20) is None


def test_changed_content_begins_one_life_however_often_it_is_reported() -> None:
    first = put(None, FILE)
    second = wanted.content_changed(first, 1, 20)
    assert second is not None
    assert second.life == 2
    assert wanted.content_changed(second, 1, 30) is None
    assert wanted.content_changed(wanted.remove(first), 1, 30) is None


def test_a_patch_changes_what_it_names_and_null_takes_the_default() -> None:
    source = file_source("a", name="n", category="c", sample_fps=4.0)
    assert patched(source, {"name": "m"}).model_dump() | {"name": "n"} == patched(source, {}).model_dump()
    assert patched(source, {"category": None, "sample_fps": None}).category == ""
    with pytest.raises(Problem, match="colour"):
        patched(source, {"colour": "red"})
    with pytest.raises(Problem, match="life"):
        parse({"life": 2})


def test_no_record_changes_while_somebody_acts_on_it() -> None:
    made, done = SourceBook(SPACE), list[str]()
    writer = SourceWriter(Outbox("127.0.0.1:1", "test", Metrics()), made)
    first = writer.send("a", lambda last: put(last, FILE))

    def change(last: Source | None) -> Source | None:
        done.append("changed")
        return None

    changing = threading.Thread(target=writer.send, args=("a", change))

    def act(record: Source | None) -> Source | None:
        changing.start()
        changing.join(0.1)  # long enough for whoever does not wait
        done.append("acted")
        return record

    assert writer.while_unchanged("a", act) is first
    changing.join()
    assert done == ["acted", "changed"]
    assert writer.while_unchanged("b", lambda record: record) is None


@pytest.mark.parametrize("rate", [1e-320, 0.0009])
def test_a_patch_keeps_a_rate_that_is_no_longer_taken(rate: float) -> None:
    slow = file_source("a", sample_fps=rate)
    assert patched(slow, {"wanted": "paused"}).sample_fps == rate
    assert patched(slow, {"sample_fps": None}).sample_fps is None
    assert patched(slow, {"sample_fps": 0.001}).sample_fps == 0.001
    with pytest.raises(Problem, match=r"greater than or equal to 0\.001"):
        patched(slow, {"sample_fps": rate})


def book(*statuses: SourceStatus, chunks: tuple[ChunkStatus, ...] = (), source: Source | None = None) -> SourceBook:
    made = SourceBook(SPACE)
    made.follow_sources([source or file_source("a")], {"a": 0})
    made.follow_statuses(statuses)
    made.follow_chunks(chunks)
    return made


def test_a_file_is_indexed_when_a_strong_read_has_seen_every_row_that_was_promised() -> None:
    made = book(status("running", PLAN), chunks=(chunk(0, 120),))
    source = made.get("a", ALL)
    assert made.unconfirmed() == []
    view = made.view(source)
    assert (view.state, view.progress, view.rows, view.samples, view.duration_ms) == ("running", 0.5, 120, 180, 90_000)
    made.follow_chunks([chunk(1, 60)])
    assert made.unconfirmed() == [(source, 180)]
    assert made.view(source).state == "running"
    made.confirm(source, 180)
    assert (made.view(source).state, made.view(source).progress, made.unconfirmed()) == ("indexed", 1.0, [])


def test_a_file_that_is_indexed_as_far_as_it_goes_says_what_is_missing() -> None:
    cut = "the video ends at 0:41 of 1:30: the file is truncated or damaged"
    made = book(status("running", PLAN, notices=(cut,)), chunks=(chunk(0, 60), chunk(1, 22)))
    source = made.get("a", ALL)
    assert (made.view(source).state, made.view(source).error) == ("running", cut)
    made.confirm(source, 82)
    assert (made.view(source).state, made.view(source).error) == ("indexed", cut)


@pytest.mark.parametrize(
    ("last_t_ms", "rises"), [(20_000, False), (31_000, True), (89_500, True), (90_100, True), (90_500, False), (150_000, False)]
)
def test_timestamps_rise_where_the_rows_end_with_what_the_last_timestamp_says(last_t_ms: int, rises: bool) -> None:
    made = book(status("running", PLAN), chunks=(chunk(0, 120),))
    source = made.get("a", ALL)
    assert not made.rises(source), "more is to come"
    made.follow_chunks([msgspec.structs.replace(chunk(1, 60), last_t_ms=last_t_ms)])
    assert made.rises(source) == rises


def test_chunks_of_another_space_or_life_count_for_nothing() -> None:
    made = book(status("running", PLAN), chunks=(chunk(0, 120, "other@00000000"), chunk(1, 60, life=2)))
    assert made.view(made.get("a", ALL)).chunks_done == 0


def test_a_status_of_an_older_life_is_not_believed() -> None:
    made = book(status("failed", error="broken"), source=file_source("a", life=2))
    assert made.view(made.get("a", ALL)).state == "waiting"


@pytest.mark.parametrize(
    ("fields", "said", "state"),
    [
        ({}, None, "waiting"),
        ({"wanted": "paused"}, "running", "paused"),
        ({}, "paused", "waiting"),
        ({}, "failed", "failed"),
        ({"wanted": "paused"}, "failed", "failed"),
        ({"kind": "push", "url": None}, None, "running"),
    ],
)
def test_the_state_is_what_is_wanted_and_what_is_said(fields: dict[str, Any], said: str | None, state: str) -> None:
    made = book(*([status(said, error="e")] if said else []), source=file_source("a", **fields))
    assert made.view(made.get("a", ALL)).state == state


def event(*t_ms: int, life: int = 1, space: str = SPACE, captured: bool = True, after_ms: int = 900, **more: Any) -> IndexEvent:
    rows = tuple(
        RowWritten(
            source_id="a", life=life, part="f", t_ms=one, end_ms=one, captured_ms=one if captured else -1,
            searchable_ms=one + after_ms, **more,
        )
        for one in t_ms
    )  # fmt: skip
    return IndexEvent(space=space, stream="a", rows=rows)


def test_a_camera_shows_its_newest_row_and_how_long_that_took_to_become_searchable() -> None:
    made = book(status("running", since_ms=7, camera=CAMERA), source=file_source("a", kind="camera", url="rtsp://c/1"))
    assert made.view(made.get("a", ALL)).last_t_ms is None
    made.follow_events([event(1_000, 2_000, provisional=True), event(3_000, after_ms=1_200), event(1_000, 2_000, after_ms=4_000)])
    made.follow_events([event(9_000, space="other@00000000"), event(9_000, life=0)])
    view = made.view(made.get("a", ALL))
    assert (view.state, view.since_ms, view.camera, view.rows) == ("running", 7, CAMERA, None)
    assert (view.last_t_ms, view.last_sample_at) == (3_000, "1970-01-01T00:00:03.000Z")
    assert (view.searchable_seconds, view.samples_per_second) == (1.2, 1.0)


def test_a_camera_that_is_away_keeps_its_last_row_and_has_no_rate() -> None:
    made = book(status("waiting", error="no answer", since_ms=8), source=file_source("a", kind="camera", url="rtsp://c/1"))
    made.follow_events([event(1_000, 2_000)])
    view = made.view(made.get("a", ALL))
    assert (view.state, view.error, view.since_ms, view.last_t_ms) == ("waiting", "no answer", 8, 2_000)
    assert view.samples_per_second is None


def test_a_rate_is_of_late_and_survives_a_gap() -> None:
    made = book(source=file_source("a", kind="push", url=None))
    made.follow_events([event(0, 500, 1_000, captured=False), event(3_600_000, 3_600_250, captured=False)])
    view = made.view(made.get("a", ALL))
    assert (view.samples_per_second, view.searchable_seconds, view.last_sample_at) == (4.0, None, None)


def test_the_rows_of_another_life_and_of_files_say_nothing_of_freshness() -> None:
    made = book(source=file_source("a", kind="push", url=None, life=2))
    made.follow_events([event(1_000)])
    assert made.view(made.get("a", ALL)).last_t_ms is None
    made.follow_events([event(500, life=2)])
    assert made.view(made.get("a", ALL)).last_t_ms == 500
    of_file = book()
    of_file.follow_events([event(1_000)])
    assert of_file.view(of_file.get("a", ALL)).last_t_ms is None


def test_a_client_reads_what_it_wrote_before_the_log_comes_round() -> None:
    made = book()
    first, second = file_source("a", name="first"), file_source("a", name="second")
    made.sent(first)
    made.sent(second)
    made.follow_sources([first], {"a": 7})
    assert made.get("a", ALL).name == "second"
    made.delivered("a", 7)
    made.delivered("a", 8)
    assert made.get("a", ALL).name == "second"
    made.follow_sources([second], {"a": 8})
    made.follow_sources([file_source("a", name="of another process")], {"a": 9})
    assert made.get("a", ALL).name == "of another process"


def test_a_source_that_is_paused_and_goes_on_is_not_seen_paused_again_when_the_log_comes_round() -> None:
    made = book()
    running, paused = file_source("a"), file_source("a", wanted="paused")
    for offset, source in enumerate((running, paused, running), 1):
        made.sent(source)
        made.delivered("a", offset)
    for offset, source in enumerate((running, paused, running), 1):
        made.follow_sources([source], {"a": offset})
        assert made.view(made.get("a", ALL)).state == "waiting"


def test_a_later_record_of_another_process_counts_though_ours_is_acknowledged_after_it_was_read() -> None:
    made = book()
    made.sent(file_source("a", name="ours"))
    made.follow_sources([file_source("a", name="of another process")], {"a": 6})
    assert made.get("a", ALL).name == "ours"
    made.delivered("a", 5)
    assert made.get("a", ALL).name == "of another process"


def test_a_later_record_of_another_process_counts_though_ours_is_acknowledged_before_it_is_noted() -> None:
    made = book()
    made.delivered("a", 5)
    made.follow_sources([file_source("a", name="of another process")], {"a": 6})
    made.sent(file_source("a", name="ours"))
    assert made.get("a", ALL).name == "of another process"


def test_a_removed_source_is_hidden_and_its_record_kept() -> None:
    made = book(source=file_source("a", wanted="removed"))
    with pytest.raises(Problem):
        made.get("a", ALL)
    record = made.record("a")
    assert record is not None
    assert record.wanted == "removed"

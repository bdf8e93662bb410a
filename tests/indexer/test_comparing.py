"""What a new collection lacks: judged a source at a time, by what was searched before the log was read to its end."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from schemas.limits import UNKNOWN_MS
from schemas.messages import Kind, Life, Source
from schemas.topics import DAY_MS
from services.indexer.comparing import EDGE_MS, SPANS_TOLD, Counting, Lack, Searched, in_force, lacks
from services.indexer.rebuild import NEAR_RECORDS, Filled, check_rows
from streaming.errors import Unavailable
from streaming.settings import SettingError

NOW_MS = 1_795_161_600_000
LONG_AGO_MS = NOW_MS - 20 * DAY_MS
OLD, NEW = "searched", "filled"


@dataclass
class Rows:
    """Two collections as a `Store` counts them: so many final rows of a source that lie at one t_ms."""

    of: dict[str, defaultdict[str, list[tuple[int, int, int]]]] = field(
        default_factory=lambda: {OLD: defaultdict(list), NEW: defaultdict(list)}
    )
    strong: int = 0
    away: int = 0

    def add(self, name: str, source_id: str, rows: int, t_ms: int = LONG_AGO_MS, captured_ms: int | None = None) -> None:
        self.of[name][source_id].append((rows, t_ms, t_ms if captured_ms is None else captured_ms))

    def named(self) -> str:
        return OLD

    def count(self, expression: str, collection: str | None = None, consistency: str = "Strong") -> int:
        if self.away:
            self.away -= 1
            raise Unavailable("Milvus is away")
        self.strong += consistency == "Strong"
        of_source = re.search(r'source_id == "(.+?)" and life == 1 and provisional == false', expression)
        assert of_source is not None
        return sum(rows for rows, *times in self.of[collection or NEW][of_source[1]] if matches(expression, *times))


def matches(expression: str, t_ms: int, captured_ms: int) -> bool:
    """Judge one place by the bounds in an expression of ours."""
    bounds = {name: int(found[1]) for name, sign in SIGNS if (found := re.search(rf"{sign} (-?\d+)", expression))}
    is_after = t_ms > bounds.get("after", t_ms - 1)
    return captured_ms < bounds["captured"] and bounds.get("from", t_ms) <= t_ms <= bounds.get("through", t_ms) and is_after


SIGNS = (("captured", "captured_ms <"), ("from", r"\bt_ms >="), ("through", r"\bt_ms <="), ("after", r"\bt_ms >"))


def source(source_id: str, kind: Kind = "push", keep_days: float | None = None, **changes: Any) -> Source:
    lives = (Life(life=1, began_ms=0),)
    fields: dict[str, Any] = {"life": 1, "lives": lives, "sample_fps": 2.0, "keep_days": keep_days, **changes}
    return Source(source_id=source_id, kind=kind, **fields)


def count(rows: Rows, *sources: Source) -> Sequence[Searched]:
    counting = Counting(cast("Any", rows), OLD, sources, 30.0, NOW_MS)
    counting.go_on(60.0)
    assert counting.is_complete
    return counting.searched


def check(rows: Rows, searched: Sequence[Searched]) -> None:
    check_rows(cast("Any", rows), Filled(arrived=True, lacking=(), searched=tuple(searched)), even_if_fewer=False)


def lacking(rows: Rows, searched: Sequence[Searched]) -> list[Lack]:
    return list(lacks(cast("Any", rows), OLD, searched))


def test_what_one_source_has_too_much_of_makes_up_for_no_other_ones_lack() -> None:
    rows = Rows()
    rows.add(OLD, "lost", NEAR_RECORDS + 1)
    rows.add(OLD, "damaged", 10)
    rows.add(NEW, "damaged", 1_000_000)
    with pytest.raises(SettingError, match=f"0 parts .* and {NEAR_RECORDS + 1} rows that are searched are not there"):
        check(rows, count(rows, source("damaged"), source("lost")))


def test_few_rows_that_are_lacking_are_said_and_do_not_hinder() -> None:
    rows = Rows()
    rows.add(OLD, "lost", NEAR_RECORDS)
    rows.add(NEW, "damaged", 1_000_000)
    searched = count(rows, source("damaged"), source("lost"))
    check(rows, searched)
    assert lacking(rows, searched) == [Lack("lost", NEAR_RECORDS, f"{LONG_AGO_MS} ms to {LONG_AGO_MS} ms")]


def test_what_comes_while_the_new_collection_is_sealed_does_not_count_however_old_its_pictures_are() -> None:
    rows = Rows()
    for name in (OLD, NEW):
        rows.add(name, "film", 5_000, 0, UNKNOWN_MS)
    searched = count(rows, source("film", "file"), source("uploaded", "file"))
    rows.add(OLD, "film", 50_000, 9, UNKNOWN_MS)
    rows.add(OLD, "uploaded", 50_000, 0, UNKNOWN_MS)
    check(rows, searched)
    assert lacking(rows, searched) == []


def test_what_is_older_than_a_camera_is_kept_for_is_neither_lacking_nor_too_much() -> None:
    day_old_ms, expired_ms = NOW_MS - DAY_MS // 2, NOW_MS - DAY_MS - 1
    camera = source("kept-for-a-day", "camera", 1.0)
    rows = Rows()
    rows.add(OLD, camera.source_id, 5_000, expired_ms)  # nobody has deleted them yet
    rows.add(OLD, camera.source_id, 5_000, NOW_MS - DAY_MS + EDGE_MS - 1)  # their segment is deleted already
    rows.add(OLD, camera.source_id, 5_000, NOW_MS - EDGE_MS)  # on their way
    searched = count(rows, camera)
    check(rows, searched)
    rows.add(OLD, camera.source_id, 2_000, day_old_ms)
    rows.add(NEW, camera.source_id, 600_000, NOW_MS - 3 * DAY_MS)  # the log has them still
    assert lacking(rows, count(rows, camera)) == [Lack(camera.source_id, 2_000, f"{day_old_ms} ms to {day_old_ms} ms")]


def test_cameras_are_kept_for_as_long_as_others_where_nothing_is_said_and_files_for_ever() -> None:
    rows = Rows()
    for source_id in ("camera", "file"):
        rows.add(OLD, source_id, 7, NOW_MS - 31 * DAY_MS)
    assert [one.rows for one in count(rows, source("camera", "camera"), source("file", "file", 1.0))] == [0, 7]


def test_what_was_deleted_since_it_was_counted_is_not_lacking() -> None:
    rows = Rows()
    rows.add(OLD, "cleared", 5_000)
    searched = count(rows, source("cleared"))
    rows.of[OLD].clear()
    assert lacking(rows, searched) == []


def test_lives_that_are_over_are_not_compared() -> None:
    rows = Rows()
    searched = count(rows, source("gone", wanted="removed"), source("removed"), source("anew"), source("paused"))
    known = [source("removed", wanted="removed"), source("anew", life=2), source("paused", wanted="paused")]
    assert [one.source_id for one in searched] == ["removed", "anew", "paused"]
    assert [one.source_id for one in in_force(searched, known)] == ["paused"]


def test_a_source_that_milvus_did_not_count_is_counted_later_and_none_twice() -> None:
    rows = Rows(away=1)
    rows.add(OLD, "a", 3)
    counting = Counting(cast("Any", rows), OLD, [source("a"), source("b")], 30.0, NOW_MS)
    with pytest.raises(Unavailable):
        counting.go_on(60.0)
    counting.go_on(0.0)
    assert not counting.is_complete
    counting.go_on(60.0)
    assert [(one.source_id, one.rows) for one in counting.searched] == [("a", 3), ("b", 0)]


def test_where_nothing_is_searched_nothing_is_counted() -> None:
    assert Counting(cast("Any", Rows(away=1)), None, [source("a")], 30.0, NOW_MS).is_complete


def test_thousands_of_sources_cost_no_strong_read_while_they_lack_nothing_and_few_are_looked_up() -> None:
    sources = [source(f"s{number}") for number in range(SPANS_TOLD + 1)]
    rows = Rows()
    for one in sources:
        rows.add(OLD, one.source_id, 1)
    searched = count(rows, *sources)
    assert [lack.span for lack in lacking(rows, searched)].count("not looked up") == 1
    rows.of[NEW], rows.strong = rows.of[OLD], 0
    assert lacking(rows, searched) == []
    assert rows.strong == 0

"""Recorded media go by age and by what is left of the disk, oldest first; what is being written stays."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from schemas.recordings import THUMBNAILS, Segment, life_folder, thumbnail_name
from schemas.topics import DAY_MS
from services.decoder.cameras.journals import BEFORE_MS, SETTLED, Journals
from services.decoder.cameras.retention import UNSETTLED_DAYS, YOUNGEST_MS, Expired, Kept, Recorded, expired
from services.decoder.cameras.sweeping import Limits, Sweeper
from services.decoder.metrics import METRICS
from services.decoder.reports import now_ms
from streaming.metrics import Metrics

NOW = 1_763_625_600_000


def recorded(source_id: str, age_ms: int, size_bytes: int = 1000, life: int = 1, lasts_ms: int = 0) -> Recorded:
    segment = Segment(NOW - age_ms, 1)
    return Recorded("film", source_id, life, segment, Path(source_id), size_bytes, segment.start_ms + lasts_ms)


def journal(age_ms: int, *, settled: bool, life: int = 1) -> Recorded:
    segment = Segment(NOW - age_ms, 1)
    return Recorded("journal", "cam", life, segment, Path("cam"), 6, segment.start_ms, settled)


def test_each_source_keeps_what_it_asks_for() -> None:
    have = [recorded(source_id, days * DAY_MS + 1) for source_id in ("long", "short", "usual") for days in (0, 1, 7, 30)]
    going = expired(have, {"long": Kept(days=60.0), "short": Kept(days=0.5)}, 7.0, 0, NOW)
    assert [(one.recorded.source_id, (NOW - one.recorded.segment.start_ms) // DAY_MS) for one in going] == [
        ("short", 30), ("usual", 30), ("short", 7), ("usual", 7), ("short", 1),
    ]  # fmt: skip
    assert {one.reason for one in going} == {"age"}


def test_lives_that_are_over_go_at_once_and_the_one_in_force_stays() -> None:
    have = [recorded("cam", 0, life=life) for life in (1, 2, 3)]
    going = expired(have, {"cam": Kept(over_through=2)}, 7.0, 0, NOW)
    assert [(one.recorded.life, one.reason) for one in going] == [(1, "removed"), (2, "removed")]


@given(st.lists(st.tuples(st.integers(0, 10 * DAY_MS), st.integers(1, 5000)), max_size=40), st.integers(-5000, 50_000))
def test_a_full_disk_loses_its_oldest_and_no_more_than_it_must(have: list[tuple[int, int]], over_bytes: int) -> None:
    segments = [recorded("cam", age_ms, size_bytes) for age_ms, size_bytes in have]
    going = expired(segments, {}, 365.0, over_bytes, NOW)
    ages = [NOW - one.recorded.segment.start_ms for one in going]
    assert ages == sorted(ages, reverse=True)
    assert all(age_ms > YOUNGEST_MS for age_ms in ages)
    assert sum(one.recorded.size_bytes for one in going[:-1]) < max(1, over_bytes)


def test_a_film_that_is_being_written_stays_however_long_ago_it_began_and_others_do_not_go_in_its_place() -> None:
    growing, older, younger = (
        recorded("grows", 8 * DAY_MS, lasts_ms=8 * DAY_MS),
        *(recorded("cam", days * DAY_MS) for days in (9, 6)),
    )
    assert [one.recorded for one in expired([growing, older, younger], {}, 7.0, 0, NOW)] == [older]
    assert [one.recorded for one in expired([growing, older, younger], {}, 30.0, 1000, NOW)] == [older]
    assert expired([growing], {"grows": Kept(over_through=1)}, 7.0, 0, NOW) == [Expired(growing, "removed")]


def test_a_settled_journal_goes_at_the_age_of_its_film_and_another_a_month_later() -> None:
    days = (6, 8, UNSETTLED_DAYS + 6, UNSETTLED_DAYS + 8)
    have = [journal(age * DAY_MS, settled=settled) for age in days for settled in (True, False)]
    going = {(one.recorded.segment.start_ms, one.recorded.is_settled) for one in expired(have, {}, 7.0, 0, NOW)}
    over = {(NOW - age * DAY_MS, True) for age in days[1:]} | {(NOW - days[3] * DAY_MS, False)}
    assert going == over
    longer = expired(have, {"cam": Kept(days=20.0)}, 7.0, 0, NOW)
    assert [(one.recorded.segment.start_ms, one.recorded.is_settled) for one in longer] == [
        (NOW - age * DAY_MS, True) for age in days[:1:-1]
    ]


def test_a_journal_that_is_not_settled_goes_with_its_life_but_never_for_the_disk() -> None:
    have = [journal(DAY_MS, settled=False), journal(2 * DAY_MS, settled=True), journal(YOUNGEST_MS, settled=True)]
    assert expired(have, {}, 7.0, 1_000_000, NOW) == [Expired(have[1], "disk")]
    assert len(expired(have, {"cam": Kept(over_through=1)}, 7.0, 0, NOW)) == 3


def test_a_sweep_deletes_film_and_journal_and_the_empty_day(tmp_path: Path) -> None:
    old, growing, new = Segment(now_ms() - 8 * DAY_MS, 1), Segment(now_ms() - 9 * DAY_MS, 1), Segment(now_ms(), 2)
    for segment in (old, growing, new):
        day = tmp_path / life_folder("gate", 1) / segment.day
        day.mkdir(parents=True)
        (day / segment.name).write_bytes(b"film")
        (day / segment.journal_name).write_text("")
        if segment == old:
            os.utime(day / segment.name, (old.start_ms / 1000, old.start_ms / 1000))
    metrics = Metrics(METRICS)
    Journals(tmp_path, "gate", 1).settle(old.start_ms + BEFORE_MS + 1)
    assert Sweeper(tmp_path, Limits(7.0, 1.0), dict, metrics).sweep() == 1
    left = {SETTLED, *(name for segment in (growing, new) for name in (segment.name, segment.journal_name))}
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == left
    assert not (tmp_path / life_folder("gate", 1) / old.day).exists()
    assert b'framebus_decoder_expired_segments_total{reason="age"} 1.0' in generate_latest(metrics.registry)


@pytest.mark.parametrize("share", [1.0, 0.0001], ids=["by age", "by disk"])
def test_thumbnails_of_a_camera_that_is_not_recorded_go_as_recordings_do(tmp_path: Path, share: float) -> None:
    ages_ms = (8 * DAY_MS, 3_600_000, 0)
    for source_id, life in (("gate", 2), ("pushed", 1), ("gone", 1)):
        folder = tmp_path / THUMBNAILS / source_id / str(life)
        folder.mkdir(parents=True)
        for age_ms in ages_ms:
            (folder / thumbnail_name(now_ms() - age_ms)).write_bytes(b"picture")
    kept = {"gate": Kept(1, is_camera=True), "gone": Kept(1, is_camera=True), "pushed": Kept()}
    Sweeper(tmp_path, Limits(7.0, share), lambda: kept, Metrics(METRICS)).sweep()
    left = Counter(path.parts[-3] for path in tmp_path.rglob("*.jpg"))
    assert left == {"gate": 2 if share == 1.0 else 1, "pushed": 3}

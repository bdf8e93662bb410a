"""Films go by age or for the disk, and what was lost with them is told all the same: a journal stays until it is settled."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from schemas.messages import Life, Source
from schemas.recordings import JournalLine, Segment, life_folder
from schemas.topics import DAY_MS, HOUR_MS
from services.decoder.cameras import looking
from services.decoder.cameras.journals import BEFORE_MS, SETTLED, Journals
from services.decoder.cameras.looking import LATE_MS, Question, look
from services.decoder.cameras.retention import UNSETTLED_DAYS, Kept
from services.decoder.cameras.spans import Fence, Lost, Reach
from services.decoder.cameras.sweeping import Limits, Sweeper
from services.decoder.metrics import METRICS
from services.decoder.reports import now_ms
from streaming.metrics import Metrics

CAMERA: Final = "gate"
SOURCE: Final = Source(source_id=CAMERA, kind="camera", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0)
FENCE: Final = Fence(2, 5, 1_000_000)
MINUTE_MS: Final = 60_000
WHOLE_DISK, NO_DISK = 1.0, 0.0001
ENOUGH_BYTES: Final = 1 << 40
"""More than is in use of the disk of this test, which it does not take: the file has a hole."""
IN_FORCE: Final = Kept(is_camera=True)
BY_AGE, BY_DISK = (8 * DAY_MS, WHOLE_DISK), (3 * HOUR_MS, NO_DISK)
ENDS = pytest.mark.parametrize(("age_ms", "share"), [BY_AGE, BY_DISK], ids=["by age", "by disk"])


@pytest.fixture(autouse=True)
def _nothing_is_on_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "read_passage", lambda *_: iter(()))


def record(
    media: Path, start_ms: int, *, run: int = 1, first_offset: int | None = None, life: int = 1, size_bytes: int = 10
) -> Path:
    """Write a minute of a run; return its film. Kafka took all of its samples, or none."""
    segment = Segment(start_ms, run)
    film = media / life_folder(CAMERA, life) / segment.day / segment.name
    film.parent.mkdir(parents=True, exist_ok=True)
    film.touch()
    os.truncate(film, size_bytes)
    ends_s = start_ms / 1000 + 60
    os.utime(film, (ends_s, ends_s))
    offsets = [-1] * 60 if first_offset is None else range(first_offset, first_offset + 60)
    lines = [JournalLine(start_ms + 1000 * n, run, n, 1000 * n, 5, offset) for n, offset in enumerate(offsets)]
    journal_of(film).write_text("".join(line.text() for line in lines))
    return film


def journal_of(film: Path) -> Path:
    return film.with_suffix(".samples")


def sweep(media: Path, share: float = WHOLE_DISK, kept: Kept = IN_FORCE) -> int:
    return Sweeper(media, Limits(7.0, share), lambda: {CAMERA: kept}, Metrics(METRICS)).sweep()


def question(*lost: Lost, gone: Sequence[Reach] = ()) -> Question:
    return Question(SOURCE, FENCE, FENCE, (), tuple(gone), frozenset(), lost)


@ENDS
def test_what_kafka_never_took_is_told_when_its_film_has_gone_and_its_journal_goes_once_it_was(
    tmp_path: Path, age_ms: int, share: float
) -> None:
    begin_ms = (now_ms() - age_ms) // HOUR_MS * HOUR_MS  # no border of a span or of a day lies inside
    films = [record(tmp_path, begin_ms + MINUTE_MS * minute) for minute in range(3)]
    newest = record(tmp_path, now_ms() - LATE_MS - MINUTE_MS, run=2, first_offset=0)
    assert sweep(tmp_path, share) == 3 + (share == NO_DISK)
    assert not any(film.exists() for film in films)
    assert sweep(tmp_path, share) == 0, "what it notes is open"
    found = look(question(), tmp_path, "nobody")
    assert found.gone == (Reach(begin_ms, begin_ms + 3 * MINUTE_MS - 1000),)
    assert all(journal_of(film).exists() for film in films), "whoever comes next tells it again, if this one dies"
    assert look(question(gone=found.gone), tmp_path, "nobody").gone == ()
    assert sweep(tmp_path, share) == 0
    assert [journal_of(film).exists() for film in (*films, newest)] == [False, False, False, True]


def test_a_part_of_an_outage_whose_film_has_gone_is_told_and_the_rest_is_caught_up(tmp_path: Path) -> None:
    begin_ms = (now_ms() - 3 * HOUR_MS) // HOUR_MS * HOUR_MS  # no border of a span or of a day lies inside
    first, second = record(tmp_path, begin_ms, size_bytes=ENOUGH_BYTES), record(tmp_path, begin_ms + MINUTE_MS)
    assert sweep(tmp_path, NO_DISK) == 1
    assert (first.exists(), second.exists()) == (False, True)
    found = look(question(), tmp_path, "nobody")
    assert [reach.last_ms + 1000 for reach in found.gone] == [span.reach.first_ms for span in found.spans]


def test_what_a_reader_has_lost_is_told_though_the_disk_had_no_room_for_its_film(tmp_path: Path) -> None:
    begin_ms = (now_ms() - 3 * HOUR_MS) // HOUR_MS * HOUR_MS  # no border of a span or of a day lies inside
    record(tmp_path, begin_ms, first_offset=0, size_bytes=ENOUGH_BYTES)
    for minute in range(1, 60):
        record(tmp_path, begin_ms + MINUTE_MS * minute, first_offset=60 * minute)
    look(question(), tmp_path, "nobody")
    settled_ms = Journals(tmp_path, CAMERA, 1).settled_ms()
    assert settled_ms is not None
    assert settled_ms > begin_ms + BEFORE_MS
    assert sweep(tmp_path, NO_DISK) == 1
    assert look(question(Lost(5, 10, 19)), tmp_path, "nobody").gone == (Reach(begin_ms + 10_000, begin_ms + 19_000),)


@ENDS
def test_a_settled_journal_without_a_film_goes_with_its_day(tmp_path: Path, age_ms: int, share: float) -> None:
    orphan = record(tmp_path, now_ms() - age_ms, first_offset=0)
    orphan.unlink()
    sweep(tmp_path, share)
    assert journal_of(orphan).exists()
    Journals(tmp_path, CAMERA, 1).settle(now_ms() - age_ms + BEFORE_MS)
    sweep(tmp_path, share)
    assert not orphan.parent.exists()
    assert not (orphan.parent.parent / SETTLED).exists()


def test_what_looks_read_beside_the_open_ones_stays_with_them(tmp_path: Path) -> None:
    begin_ms = (now_ms() - 8 * DAY_MS) // HOUR_MS * HOUR_MS  # no border of a span or of a day lies inside
    films = [record(tmp_path, begin_ms + MINUTE_MS * minute, first_offset=0) for minute in range(8)]
    Journals(tmp_path, CAMERA, 1).settle(begin_ms + 7 * MINUTE_MS)
    assert sweep(tmp_path) == 8
    assert [journal_of(film).exists() for film in films] == [False] + 7 * [True]


def test_a_film_that_is_about_to_begin_keeps_its_journal(tmp_path: Path) -> None:
    begins = record(tmp_path, now_ms())
    begins.unlink()
    Journals(tmp_path, CAMERA, 1).settle(now_ms() + DAY_MS)
    sweep(tmp_path, NO_DISK)
    assert journal_of(begins).exists()


def test_journals_that_nobody_looks_at_go_a_month_after_their_films(tmp_path: Path) -> None:
    old, older = (record(tmp_path, now_ms() - (UNSETTLED_DAYS + days) * DAY_MS) for days in (6, 8))
    assert sweep(tmp_path, NO_DISK) == 2
    assert (journal_of(old).exists(), older.parent.exists()) == (True, False)


def test_a_life_that_is_over_takes_its_journals_along(tmp_path: Path) -> None:
    over, orphan = (record(tmp_path, now_ms() - minutes * MINUTE_MS) for minutes in (1, 2))
    orphan.unlink()
    stays = record(tmp_path, now_ms(), life=2)
    assert sweep(tmp_path, kept=Kept(1, is_camera=True)) == 1
    assert not over.parent.exists()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {stays, journal_of(stays)}


def test_a_day_at_a_time_is_swept_and_the_oldest_goes_first_whosever_it_is(tmp_path: Path) -> None:
    films = [record(tmp_path, now_ms() - days * DAY_MS, size_bytes=size) for days, size in ((3, 10), (2, ENOUGH_BYTES), (1, 10))]
    folder = tmp_path / "thumbnails" / "other" / "1"
    folder.mkdir(parents=True)
    pictures = [folder / f"{now_ms() - days * DAY_MS - HOUR_MS}.jpg" for days in (3, 2, 1)]
    for picture in pictures:
        picture.write_bytes(b"picture")
    kept = {CAMERA: IN_FORCE, "other": IN_FORCE}
    assert Sweeper(tmp_path, Limits(7.0, NO_DISK), lambda: kept, Metrics(METRICS)).sweep() == 4
    assert [path.exists() for path in (*films, *pictures)] == [False, False, True] * 2
    assert shutil.disk_usage(tmp_path).used < ENOUGH_BYTES

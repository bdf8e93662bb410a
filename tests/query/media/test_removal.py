"""Nothing is left of lives that are over, and nothing of those in force is touched."""

import os
import time
from pathlib import Path

import msgspec
import pytest

from schemas.messages import Life, Source
from services.query.media.removal import UPLOADING_SECONDS, Removed, remove_media, sweep_media
from services.query.media.store import MediaStore
from services.query.sources import SourceBook
from tests.query.media.conftest import ANYWHERE, file_source, holding

NOW_NS = time.time_ns()
LONG_AGO_NS = NOW_NS - (UPLOADING_SECONDS + 10) * 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path, ANYWHERE)


def put(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return paths


def of_life(store: MediaStore, source_id: str, life: int) -> list[Path]:
    """Put a file of a life into every folder that has any."""
    return [path for folder in store.folders_of_lives for path in put(folder / source_id / str(life), "day/a")]


def files(store: MediaStore) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


def source(source_id: str, life: int, *, removed: bool = False) -> Source:
    return Source(
        source_id=source_id, kind="camera", life=life, lives=(Life(life=life, began_ms=0),), sample_fps=1.0,
        wanted="removed" if removed else "running",
    )  # fmt: skip


def known(*sources: Source) -> SourceBook:
    book = SourceBook("tiny-0@00000000")
    book.follow_sources(sources, {source.source_id: 0 for source in sources})
    return book


def remove(store: MediaStore, source_id: str, through_life: int, book: SourceBook | None = None) -> Removed:
    return remove_media(store, holding(book or known()), source_id, through_life, time.time_ns())


def sweep(store: MediaStore, *sources: Source) -> Removed:
    return sweep_media(store, holding(known(*sources)), sources)


def uploaded(store: MediaStore, name: str, changed_ns: int) -> Path:
    """Put `source/hash/file`, or the draft `source/file`, that has changed at a time."""
    (path,) = put(store.uploads_folder, name)
    entry = store.uploads_folder.joinpath(*Path(name).parts[:2])
    os.utime(entry, ns=(changed_ns, changed_ns))
    return path


def test_removal_deletes_everything_of_one_source_and_says_how_much(store: MediaStore) -> None:
    kept = of_life(store, "film-2", 1)
    of_life(store, "film", 1)
    (path,) = put(store.uploads_folder / "film", "hash/c.mp4")
    book = known(msgspec.structs.replace(file_source("film", path), wanted="removed"))
    assert remove(store, "film", 1, book) == Removed(files=5, bytes=25)
    assert remove(store, "film", 1, book) == Removed()
    assert files(store) == sorted(kept)
    assert not (store.clips_folder / "film").exists()


def test_a_removal_that_takes_long_leaves_what_the_next_life_has_begun_with(store: MediaStore) -> None:
    for life in (1, 2):
        of_life(store, "cam", life)
    kept = of_life(store, "cam", 3)
    assert remove(store, "cam", 2).files == 8
    assert files(store) == sorted(kept)


def test_a_sweep_deletes_what_came_after_a_life_was_over_or_was_left_by_a_crash(store: MediaStore) -> None:
    of_life(store, "gone", 1)
    of_life(store, "again", 1)
    kept = [*of_life(store, "again", 2), *of_life(store, "unknown", 1), *put(store.clips_folder / "gone", "no-life.mp4")]
    sources = [source("gone", 1, removed=True), source("again", 2)]
    assert sweep(store, *sources).files == 8
    assert files(store) == sorted(kept)
    assert sweep(store, *sources) == Removed()


def test_an_upload_that_may_be_about_to_begin_a_life_is_not_swept(store: MediaStore) -> None:
    new = uploaded(store, "new/hash/a.mp4", NOW_NS)
    uploaded(store, "old/hash/a.mp4", LONG_AGO_NS)
    sweep(store, source("new", 1, removed=True), source("old", 1, removed=True), source("absent", 1, removed=True))
    assert files(store) == [new]


def test_a_removal_leaves_what_was_uploaded_after_it_and_what_a_later_life_shows_already(store: MediaStore) -> None:
    uploaded(store, "film/first/a.mp4", NOW_NS - 2)
    uploaded(store, "film/.receiving-1", NOW_NS - 1)
    in_force = uploaded(store, "film/second/a.mp4", NOW_NS - 1)
    arrived = uploaded(store, "film/third/a.mp4", NOW_NS)
    book = known(file_source("film", in_force, life=2))
    assert remove_media(store, holding(book), "film", 1, NOW_NS) == Removed(files=2, bytes=10)
    assert files(store) == [in_force, arrived]


def test_a_removal_deletes_the_upload_of_the_record_that_says_removed(store: MediaStore) -> None:
    path = uploaded(store, "film/first/a.mp4", NOW_NS - 1)
    book = known(msgspec.structs.replace(file_source("film", path), wanted="removed"))
    assert remove(store, "film", 1, book) == Removed(files=1, bytes=5)
    assert not (store.uploads_folder / "film").exists()


def test_a_sweep_deletes_uploads_that_no_record_names_and_what_was_received_in_part(store: MediaStore) -> None:
    """A query that was killed in an upload leaves such. Whole uploads of nobody may be all that a lost log has left."""
    kept = [uploaded(store, name, LONG_AGO_NS) for name in ("film/now/a.mp4", "unknown/hash/a.mp4", "moved/now/b.mp4")]
    for name in (
        "film/now/b.mp4",
        "film/before/a.mp4",
        "film/.receiving-1",
        "elsewhere/before/a.mp4",
        "unknown/.receiving-2",
    ):
        uploaded(store, name, LONG_AGO_NS)
    kept += [uploaded(store, f"{name}/.receiving-3", NOW_NS) for name in ("film", "nobody")]
    now = file_source("film", "/media/before/it/was/moved/uploads/film/now/a.mp4", life=2)
    moved = file_source("moved", "/media/uploads/moved/now/a.mp4")
    removed = sweep(store, now, moved, file_source("elsewhere", "/films/a.mp4", life=2))
    assert removed == Removed(files=5, bytes=25)
    assert files(store) == sorted(kept)
    assert sorted(folder.name for folder in store.uploads_folder.iterdir()) == ["film", "moved", "nobody", "unknown"]

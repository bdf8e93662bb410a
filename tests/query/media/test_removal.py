"""Nothing is left of lives that are over, and nothing of those in force is touched."""

import os
import time
from pathlib import Path

import pytest

from schemas.messages import Life, Source
from services.query.media.removal import UPLOADING_SECONDS, Removed, remove_media, sweep_media
from services.query.media.store import MediaStore
from tests.query.media.conftest import ANYWHERE


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


def test_removal_deletes_everything_of_one_source_and_says_how_much(store: MediaStore) -> None:
    kept = of_life(store, "film-2", 1)
    of_life(store, "film", 1)
    put(store.uploads_folder / "film", "hash/c.mp4")
    assert remove_media(store, "film", 1) == Removed(files=5, bytes=25)
    assert remove_media(store, "film", 1) == Removed()
    assert files(store) == sorted(kept)
    assert not (store.clips_folder / "film").exists()


def test_a_removal_that_takes_long_leaves_what_the_next_life_has_begun_with(store: MediaStore) -> None:
    for life in (1, 2):
        of_life(store, "cam", life)
    kept = of_life(store, "cam", 3)
    assert remove_media(store, "cam", 2).files == 8
    assert files(store) == sorted(kept)


def test_a_sweep_deletes_what_came_after_a_life_was_over_or_was_left_by_a_crash(store: MediaStore) -> None:
    of_life(store, "gone", 1)
    of_life(store, "again", 1)
    kept = [*of_life(store, "again", 2), *of_life(store, "unknown", 1), *put(store.clips_folder / "gone", "no-life.mp4")]
    known = [source("gone", 1, removed=True), source("again", 2)]
    assert sweep_media(store, known).files == 8
    assert files(store) == sorted(kept)
    assert sweep_media(store, known) == Removed()


def test_an_upload_that_may_be_about_to_begin_a_life_is_not_swept(store: MediaStore) -> None:
    (new,) = put(store.uploads_folder / "new", "hash/a.mp4")
    put(store.uploads_folder / "old", "hash/a.mp4")
    long_ago = time.time() - UPLOADING_SECONDS - 10
    os.utime(store.uploads_folder / "old", (long_ago, long_ago))
    sweep_media(store, [source("new", 1, removed=True), source("old", 1, removed=True), source("absent", 1, removed=True)])
    assert files(store) == [new]

"""Uploads arrive whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.query.media.cache import DiskCache
from services.query.media.uploads import safe_name
from tests.query.media.conftest import Desk

PATH = "/v1/sources/film/media"


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_bytes_are_stored_and_the_source_registered(desk: Desk) -> None:
    content = bytes(range(256)) * 9_000
    assert desk.client.put(PATH, params={"name": "My film.mp4"}, content=content).status_code == 201
    ((source_id, path, name),) = desk.registered
    assert (source_id, name, path.name) == ("film", "My film.mp4", "My-film.mp4")
    assert path.read_bytes() == content
    assert files_below(desk.store.uploads_folder) == [path]


def test_other_content_has_another_address_and_replaces_the_first(desk: Desk) -> None:
    for content in (b"one", b"one", b"two"):
        desk.client.put(PATH, params={"name": "a.mp4"}, content=content)
    first, again, second = [path for _, path, _ in desk.registered]
    assert first == again
    assert first != second
    assert files_below(desk.store.uploads_folder) == [second]


def test_too_many_bytes_are_refused_announced_or_not(desk: Desk) -> None:
    def unannounced() -> Iterator[bytes]:
        yield from (b"x" * 1_000_000 for _ in range(4))

    assert desk.client.put(PATH, content=b"x" * 3_000_001).status_code == 413
    assert desk.client.put(PATH, content=unannounced()).status_code == 413
    assert not files_below(desk.store.uploads_folder)
    assert not desk.registered


def test_an_empty_upload_is_refused(desk: Desk) -> None:
    answer = desk.client.put(PATH, content=b"")
    assert answer.status_code == 422
    assert "empty" in answer.json()["detail"]


def test_an_upload_that_breaks_off_leaves_nothing(desk: Desk) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        desk.client.put(PATH, content=breaking())
    assert desk.client.put("/v1/sources/next/media", content=b"whole").status_code == 201
    assert [path.name for path in files_below(desk.store.uploads_folder)] == ["video"]


def test_it_needs_the_role_manage_and_sight(desk: Desk) -> None:
    def answer(key: str) -> httpx.Response:
        return desk.client.put(PATH, content=b"x", headers={"Authorization": f"Bearer {key}"})

    assert answer(desk.ring.add(["search", "ingest"])).status_code == 403
    assert answer(desk.ring.add(["manage"], ["other"])).status_code == 404
    assert not desk.registered


@pytest.mark.parametrize("source_id", ["-x", "a" * 65, "a%20b"])
def test_a_bad_id_is_refused(desk: Desk, source_id: str) -> None:
    assert desk.client.put(f"/v1/sources/{source_id}/media", content=b"x").status_code == 422


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\my film.mkv", "my-film.mkv"),
        (".hidden", "hidden"),
        ("..", "video"),
        ("", "video"),
        ("ü" * 300 + ".mp4", "mp4"),
        ("a" * 300 + ".mp4", "a" * 96 + ".mp4"),
    ],
)
def test_a_name_is_only_a_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_cache_keeps_to_its_size_and_forgets_the_unused_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, limit_bytes=1_000)

    def make(path: Path) -> None:
        path.write_bytes(b"x" * 300)

    for name in ("a", "b", "c"):
        cache.keep("film", name, make)
    assert cache.find("film", "a") is not None
    cache.keep("film", "d", make)
    assert sum(path.stat().st_size for path in files_below(tmp_path)) <= 1_000
    assert cache.find("film", "a") is not None
    assert cache.find("film", "b") is None

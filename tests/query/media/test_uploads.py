"""Uploads arrive whole or not at all."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response

from services.query import wanted
from services.query.access import Gate, Grant, KeyRing
from services.query.media.cache import DiskCache
from services.query.media.removal import remove_media
from services.query.media.store import MediaStore
from services.query.media.uploads import safe_name, upload_router
from services.query.sources import SourceBook
from services.query.wanted import Wish
from tests.query.media.conftest import ANYWHERE, KEY, Desk, file_source, holding
from tests.query.test_service import eventually

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


def test_the_same_content_under_another_name_is_the_same_file(desk: Desk) -> None:
    for name in ("a.mp4", "b.mp4", "a.mp4"):
        desk.client.put(PATH, params={"name": name}, content=b"one")
    (path,) = {path for _, path, _ in desk.registered}
    assert (path.name, files_below(desk.store.uploads_folder)) == ("a.mp4", [path])
    assert wanted.put(file_source("film", path), "film", Wish("file", str(path), 2.0), 0).life == 1


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


def test_an_upload_whose_source_is_removed_meanwhile_is_asked_for_again(desk: Desk) -> None:
    def removed_meanwhile() -> Iterator[bytes]:
        yield b"first"
        eventually(lambda: list(desk.store.uploads_folder.glob("film/.receiving-*")))
        remove_media(desk.store, holding(desk.book), "film", 1, time.time_ns())
        yield b"rest"

    answer = desk.client.put(PATH, content=removed_meanwhile())
    assert (answer.status_code, "send it again" in answer.json()["detail"]) == (409, True)
    assert not desk.registered
    assert not files_below(desk.store.uploads_folder)
    assert desk.client.put(PATH, content=b"first and rest").status_code == 201


def test_of_two_uploads_at_the_same_time_the_one_in_force_stays(tmp_path: Path) -> None:
    store, book, app = MediaStore(tmp_path, ANYWHERE), SourceBook("tiny-0@00000000"), FastAPI()
    app.state.gate = Gate(KeyRing(None, KEY))

    async def put_both() -> list[int]:
        both = asyncio.Barrier(2)

        async def register(source_id: str, path: Path, _name: str, _grant: Grant) -> Response:
            book.sent(file_source(source_id, path))
            await both.wait()  # each has registered before either forgets the others
            return Response(status_code=201)

        app.include_router(upload_router(store, register, holding(book)))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {KEY}"}
        ) as client:
            answers = await asyncio.gather(*(client.put(PATH, content=content) for content in (b"one", b"two")))
        return [answer.status_code for answer in answers]

    assert asyncio.run(put_both()) == [201, 201]
    record = book.record("film")
    assert record is not None
    assert Path(record.url or "") in files_below(store.uploads_folder)
    store.close()


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

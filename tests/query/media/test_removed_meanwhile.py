"""Media go while others make, send or count them: that is told, and nothing fails of it."""

import asyncio
import os
import shutil
import time
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from services.query.media.cache import DiskCache
from services.query.media.removal import remove_media
from services.query.media.sending import CachedFile
from services.query.media.store import MediaStore
from tests.query.media.conftest import ANYWHERE, Desk, file_source, holding
from tests.query.media.drawn import write_video
from tests.query.media.test_removal import known, of_life, put
from tests.query.test_service import eventually


def test_a_clip_whose_source_is_removed_while_it_is_made_is_gone(desk: Desk, tmp_path: Path) -> None:
    video = write_video(tmp_path / "long.mp4", frames=1_400, codec="mpeg4")
    desk.add(file_source("film", video))
    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(desk.client.get, "/v1/sources/film/clip", params={"start_ms": 0, "end_ms": 50_000})
        eventually(lambda: list(desk.store.clips_folder.glob("film/1/.making-*")))
        remove_media(desk.store, holding(desk.book), "film", 1, time.time_ns())
        answer = asked.result()
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:framebus:problem:nothing-recorded")
    assert answer.headers["cache-control"] == "no-store"


class Vanishing(os.PathLike[str]):
    """The path of a file that is removed when somebody has asked for it so many times."""

    def __init__(self, path: Path, asked: int) -> None:
        path.write_bytes(b"12345")
        self._path, self._left = path, asked

    def __fspath__(self) -> str:
        if self._left == 0:
            self._path.unlink(missing_ok=True)
        self._left -= 1
        return str(self._path)


@pytest.mark.parametrize(
    "headers", [[], [(b"range", b"bytes=1-2")], [(b"range", b"bytes=1-2,4-4")]], ids=["whole", "a range", "two ranges"]
)
@pytest.mark.parametrize("asked", [0, 1, 9], ids=["before its size is known", "before it is open", "never"])
def test_a_file_that_goes_before_it_is_open_is_gone(tmp_path: Path, asked: int, headers: list[tuple[bytes, bytes]]) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    file = CachedFile(Vanishing(tmp_path / "a.jpg", asked), media_type="image/jpeg")
    asyncio.run(file({"type": "http", "method": "GET", "headers": headers}, receive, send))
    begins = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert begins == [404 if asked < 9 else 206 if headers else 200]


def test_several_remove_the_same_and_count_what_is_left(tmp_path: Path) -> None:
    store, cache = MediaStore(tmp_path, ANYWHERE), DiskCache(tmp_path, limit_bytes=1)
    deep = "/".join("abcdef")
    for _ in range(3):
        for life in range(1, 15):
            of_life(store, "film", life)
            for folder in store.folders_of_lives:
                put(folder / "film" / str(life), *(f"{number}/{deep}/a" for number in range(4)))
        with ThreadPoolExecutor(3) as several:
            works = [several.submit(remove_media, store, holding(known()), "film", 20, 0) for _ in range(2)]
            counted = several.submit(cache._files)
        for work in works:
            work.result()
        counted.result()
        shutil.rmtree(tmp_path / "clips", ignore_errors=True)

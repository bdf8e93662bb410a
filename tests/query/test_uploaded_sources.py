"""Uploads as sources live and are removed: on a real broker, with a Milvus that takes its time."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from starlette.responses import Response

from services.query.access import Grant
from services.query.app import _sourcing
from services.query.media.uploads import Upload, receive
from services.query.source_routes import Sourcing
from services.query.store import Collection, Store
from streaming.admin import create_topics
from streaming.errors import Unavailable
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.test_requests import NO_SERVER, send
from tests.tiny_model import make_tiny_model

OWNER = Grant("key", frozenset({"manage", "search"}))


class Slow(Store):
    """A Milvus that is away, which it says when a test lets it."""

    def __init__(self) -> None:
        super().__init__(NO_SERVER)
        self.asked, self.go_on = threading.Event(), threading.Event()

    def collection(self) -> Collection:
        """Say that nobody answers."""
        self.asked.set()
        assert self.go_on.wait(20)
        raise Unavailable("Milvus does not answer")


@pytest.fixture(scope="module")
def under_test(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[UnderTest]:
    """Compose the application on a real broker."""
    folder = tmp_path_factory.mktemp("uploaded")
    create_topics(kafka)
    app = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER, kafka=kafka)
    yield app
    close(app)


def url(under_test: UnderTest, source_id: str) -> Path:
    """Return what the newest record names."""
    record = under_test.services.book.record(source_id)
    assert record is not None
    return Path(record.url or "")


async def upload(sourcing: Sourcing, under_test: UnderTest, source_id: str, content: bytes) -> Upload:
    """Send a file as the route does, but for what comes after it was registered."""

    async def body() -> AsyncIterator[bytes]:
        yield content

    received = await receive(under_test.services.media, source_id, "a.mp4", body())
    await sourcing.register_upload(source_id, received.path, "a.mp4", OWNER)
    return received


def test_a_new_source_is_told_from_one_that_has_another_file_and_the_first_file_goes(under_test: UnderTest) -> None:
    path = "/v1/sources/new/media"
    assert send(under_test, "PUT", path, content=b"one").status_code == 201
    first = url(under_test, "new")
    second = send(under_test, "PUT", path, content=b"two")
    assert (second.status_code, second.json()["life"]) == (200, 2)
    assert (first.exists(), url(under_test, "new").read_bytes()) == (False, b"two")
    removed = send(under_test, "DELETE", "/v1/sources/new").json()
    assert (removed["media_files"], removed["media_bytes"]) == (1, 3)
    assert not (under_test.services.media.uploads_folder / "new").exists()


def test_a_removal_that_waits_for_milvus_leaves_the_upload_that_has_begun_the_next_life(under_test: UnderTest) -> None:
    milvus = Slow()
    sourcing = _sourcing(replace(under_test.services, store=milvus))

    async def overtake() -> tuple[Upload, Response]:
        first = await upload(sourcing, under_test, "again", b"first")
        removal = asyncio.create_task(sourcing.remove("again", OWNER))
        assert await asyncio.to_thread(milvus.asked.wait, 10)
        await upload(sourcing, under_test, "again", b"second")
        milvus.go_on.set()
        return first, await removal

    first, answer = asyncio.run(overtake())
    assert orjson.loads(answer.body) == {"source_id": "again", "rows": None, "media_files": 1, "media_bytes": 5}
    assert (first.path.exists(), url(under_test, "again").read_bytes()) == (False, b"second")

"""A media store under a real server, with sources that a test names."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Response

from originals.access import Access
from schemas.messages import Life, Source
from services.query import problems
from services.query.access import Gate, Grant, KeyRing
from services.query.media.clips import clip_router
from services.query.media.removal import WhileUnchanged
from services.query.media.store import MediaStore
from services.query.media.thumbnails import thumbnail_router
from services.query.media.uploads import upload_router
from services.query.sources import SourceBook
from tests.query.serving import serve

KEY = "fb_" + "m" * 40
ANYWHERE = Access((Path("/"),))


def file_source(source_id: str, path: Path | str, *, life: int = 1) -> Source:
    """Make the record of a file."""
    return Source(
        source_id=source_id, kind="file", life=life, lives=(Life(life=life, began_ms=0),), url=str(path), sample_fps=2.0
    )


def push_source(source_id: str) -> Source:
    """Make the record of a source that is fed with pictures."""
    return Source(source_id=source_id, kind="push", life=3, lives=(Life(life=3, began_ms=0),), sample_fps=1.0)


def holding(book: SourceBook) -> WhileUnchanged:
    """Let a book be judged by while nobody writes to it."""
    return lambda source_id, act: act(book.record(source_id))


@dataclass
class Desk:
    """The media routes of one store, served."""

    store: MediaStore
    ring: KeyRing
    book: SourceBook
    client: httpx.Client
    registered: list[tuple[str, Path, str]] = field(default_factory=list)

    def add(self, source: Source) -> None:
        """Make a source known."""
        self.book.sent(source)


def signed(desk: Desk, path: str, params: dict[str, int]) -> str:
    """Return the address that a search would have given for `path`."""
    grant = desk.ring.grant(KEY)
    assert grant is not None
    return Gate(desk.ring).signer.sign(path, params, grant.key_id, int(time.time()) + 3_600)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with served_desk(MediaStore(tmp_path / "media", ANYWHERE, upload_limit_bytes=3_000_000)) as desk:
        yield desk


@contextmanager
def served_desk(store: MediaStore) -> Iterator[Desk]:
    """Serve the routes of a store until the end of the block."""
    ring, book, app = KeyRing(None, KEY), SourceBook("pico-1@00000000"), FastAPI()
    app.state.gate = Gate(ring)
    problems.install(app)
    registered: list[tuple[str, Path, str]] = []

    async def register(source_id: str, path: Path, name: str, _: Grant) -> Response:
        registered.append((source_id, path, name))
        book.sent(file_source(source_id, path))
        return Response(status_code=201)

    for router in (
        clip_router(store, book.get, book.rises),
        thumbnail_router(store, book.get, book.rises),
        upload_router(store, register, holding(book)),
    ):
        app.include_router(router)
    with serve(app) as address, httpx.Client(base_url=address, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield Desk(store, ring, book, client, registered)
    store.close()

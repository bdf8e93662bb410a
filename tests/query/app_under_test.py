"""The real application over a real Milvus and a tiny encoder, without Kafka: the book of sources is filled by hand."""

from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from encoders.address import load
from encoders.encoder import Encoder
from originals.access import Access
from schemas.messages import Source
from schemas.networks import parse_networks
from services.query.access import Gate, KeyRing
from services.query.addresses import Allowed
from services.query.app import Services, create_app
from services.query.frames import FrameIntake
from services.query.media.store import MediaStore
from services.query.metrics import METRICS
from services.query.passwords import Passwords
from services.query.readiness import Readiness
from services.query.search_routes import WAITING_LIMIT
from services.query.source_request import DefaultFps
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.store import Store
from services.query.workshop import Workshop
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore

KEY = "fb_" + "t" * 40


@dataclass
class UnderTest:
    """An application and the parts that tests reach into."""

    app: FastAPI
    services: Services
    ring: KeyRing

    def know(self, sources: Iterable[Source]) -> None:
        """Let the application know these sources."""
        known = list(sources)
        self.services.book.follow_sources(known, {source.source_id: 0 for source in known})

    @asynccontextmanager
    async def client(self, key: str = KEY) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client that presents a key."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield client

    async def search(self, body: dict[str, Any], key: str = KEY) -> dict[str, Any]:
        """Search, and return the answer of a search that must succeed."""
        async with self.client(key) as client:
            answer = await client.post("/v1/search", json=body)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document


def make_app(
    model: Path | Encoder,
    folder: Path,
    milvus: str,
    alias: str = "framebus",
    kafka: str = "127.0.0.1:1",
    *,
    ready: bool = True,
    auto_register: bool = True,
) -> UnderTest:
    """Compose the application as `__main__` does; nothing is sent to Kafka until a source is changed."""
    encoder = model if isinstance(model, Encoder) else load(str(model), threads=1)
    encoder.warm(texts=True)
    metrics, readiness, book, ring = Metrics(METRICS), Readiness(), SourceBook(encoder.space), KeyRing(folder / "keys.json", KEY)
    if ready:
        for part in ("kafka", "milvus", "model"):
            readiness.set(part, ready=True)
    outbox = Outbox(kafka, "query", metrics)
    writer = SourceWriter(outbox, book)
    services = Services(
        book=book,
        writer=writer,
        store=Store(milvus, alias),
        encoder=encoder,
        media=MediaStore(folder / "media", Access((folder,))),
        gate=Gate(ring),
        readiness=readiness,
        metrics=metrics,
        searches=Workshop("searches", 4, WAITING_LIMIT),
        pool=ThreadPoolExecutor(4),
        allowed=Allowed(("file", "http", "https", "rtsp", "rtsps"), (str(folder),), parse_networks(["127.0.0.0/8"])),
        default_fps=DefaultFps(2.0, 1.0),
        passwords=Passwords(SecretStore(folder / "secrets")),
        intake=FrameIntake(book, writer, outbox, readiness, auto_register=auto_register, sample_fps=2.0),
        outbox=outbox,
        kafka=kafka,
    )
    return UnderTest(create_app(services), services, ring)


def close(under_test: UnderTest) -> None:
    """End threads and connections."""
    under_test.services.searches.close()
    under_test.services.pool.shutdown()
    under_test.services.intake.close()
    under_test.services.media.close()
    under_test.services.store.close()

"""Searches that wait for Milvus hold up nothing else, and are not too many."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from services.query.app import create_app
from services.query.search_routes import WAITING_LIMIT
from services.query.store import Collection, Store
from streaming.admin import create_topics
from streaming.errors import Unavailable
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.test_requests import NO_SERVER
from tests.query.test_service import eventually
from tests.tiny_model import make_tiny_model

THREADS = 4


class Frozen(Store):
    """A Milvus that does not answer, until a test lets it say so."""

    def __init__(self) -> None:
        super().__init__(NO_SERVER)
        self.asked, self.go_on = 0, threading.Event()

    def collection(self) -> Collection:
        """Say that nobody answers."""
        self.asked += 1
        assert self.go_on.wait(20)
        raise Unavailable("Milvus does not answer")


@pytest.fixture
def milvus_frozen() -> Frozen:
    return Frozen()


@pytest.fixture
def under_test(tmp_path_factory: pytest.TempPathFactory, milvus_frozen: Frozen, kafka: str) -> Iterator[UnderTest]:
    folder = tmp_path_factory.mktemp("busy")
    create_topics(kafka)
    made = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER, kafka=kafka)
    services = replace(made.services, store=milvus_frozen)
    yield replace(made, app=create_app(services), services=services)
    milvus_frozen.go_on.set()
    close(made)


def searches(client: httpx.AsyncClient, count: int) -> list[asyncio.Task[httpx.Response]]:
    return [asyncio.create_task(client.post("/v1/search", json={"text": "red"}, timeout=30)) for _ in range(count)]


def test_a_pause_does_not_wait_behind_searches(under_test: UnderTest, milvus_frozen: Frozen) -> None:
    async def pause() -> tuple[int, float, list[int]]:
        async with under_test.client() as client:
            assert (await client.put("/v1/sources/cam", json={"kind": "push"})).is_success
            waiting = searches(client, 3 * THREADS)
            await asyncio.to_thread(eventually, lambda: milvus_frozen.asked == THREADS)
            began = time.monotonic()
            paused = await client.patch("/v1/sources/cam", json={"wanted": "paused"})
            seconds = time.monotonic() - began
            milvus_frozen.go_on.set()
            return paused.status_code, seconds, [answer.status_code for answer in await asyncio.gather(*waiting)]

    status, seconds, searched = asyncio.run(pause())
    assert (status, seconds < 1, searched) == (200, True, [503] * 3 * THREADS)


def test_more_searches_than_may_wait_are_refused_at_once(under_test: UnderTest, milvus_frozen: Frozen) -> None:
    async def crowd() -> list[httpx.Response]:
        async with under_test.client() as client:
            waiting = searches(client, WAITING_LIMIT)
            await asyncio.to_thread(eventually, lambda: milvus_frozen.asked == THREADS)
            refused = await asyncio.gather(*searches(client, 3))
            under_test.services.readiness.set("milvus", ready=False)
            milvus_frozen.go_on.set()
            await asyncio.gather(*waiting)
            return refused

    for answer in asyncio.run(crowd()):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert f"{WAITING_LIMIT} are being made" in answer.json()["detail"]
    assert milvus_frozen.asked == THREADS  # those that waited were told what is known by now

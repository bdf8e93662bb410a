"""`/v1/admin/status` on a real broker and a real Milvus."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from encoders.address import load
from schemas.messages import Space
from schemas.topics import SPACES
from streaming.admin import create_topics
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.query.app_under_test import KEY, UnderTest, close, make_app
from tests.query.corpus import make_corpus
from tests.tiny_model import make_tiny_model


def status_of(under_test: UnderTest, key: str = KEY) -> httpx.Response:
    """Ask for the status."""

    async def ask() -> httpx.Response:
        async with under_test.client(key) as client:
            return await client.get("/v1/admin/status")

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def under_test(kafka: str, milvus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnderTest]:
    folder = tmp_path_factory.mktemp("status")
    create_topics(kafka)
    encoder = load(str(make_tiny_model(folder / "model")), threads=1)
    outbox = Outbox(kafka, "test", Metrics())
    outbox.send_message(SPACES.name, Space(space=encoder.space, name="tiny", dimension=encoder.dimension), key=encoder.space)
    outbox.flush()
    corpus = make_corpus(milvus, encoder.space, encoder.dimension)
    made = make_app(encoder, folder, milvus, corpus.alias, kafka)
    yield made
    close(made)
    corpus.drop()


def test_brokers_backlogs_dead_letters_and_rows_are_told(under_test: UnderTest, kafka: str) -> None:
    space = under_test.services.encoder.space
    told = status_of(under_test).json()
    assert told["kafka"]["brokers"] == [kafka]
    assert space in told["kafka"]["spaces"]
    unread = {(one["topic"], one["group"]): one["records"] for one in told["kafka"]["unread"]}
    assert unread["frames-bulk", f"framebus-embedder-bulk-{space}"] >= 0
    assert unread["embeddings-live", f"framebus-indexer-live-{space}"] >= 0
    assert {"frames-live", "embeddings-bulk"} <= set(told["kafka"]["dead_letters"])
    assert (told["index"]["space"], told["index"]["rows"]) == (space, 0)


def test_what_does_not_answer_is_null_and_the_rest_is_shown(under_test: UnderTest, tmp_path: Path, milvus: str) -> None:
    services = under_test.services
    alone = make_app(services.encoder, tmp_path, milvus, "no-such-alias", "127.0.0.1:1")
    answer = status_of(alone)
    assert (answer.status_code, answer.json()) == (200, {"kafka": None, "index": None})
    close(alone)


def test_only_a_key_that_manages_and_sees_everything_may_look(under_test: UnderTest) -> None:
    searcher = under_test.ring.add(["search"])
    of_one_door = under_test.ring.add(["search", "manage"], ["door"])
    for key in (searcher, of_one_door):
        assert status_of(under_test, key).status_code == 403

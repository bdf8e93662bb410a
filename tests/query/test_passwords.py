"""A password stays until the record that does not need it is certain, and goes then."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from originals.access import Access
from schemas.messages import Source
from services.query import wanted
from services.query.access import Grant
from services.query.app import _sourcing
from services.query.media.store import MediaStore
from services.query.passwords import UNSURE_SECONDS, Passwords
from services.query.readiness import Readiness
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.sweeping import Sweep
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore, UnknownSecret
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.corpus import file_source
from tests.query.test_requests import NO_SERVER
from tests.tiny_model import make_tiny_model

ORIGIN = "rtsp://127.0.0.1"
OWNER = Grant("key", frozenset({"manage", "search"}))


def camera(source_id: str, wanted: str = "running") -> Source:
    return file_source(source_id, kind="camera", url=f"rtsp://me:${{secret:{source_id}}}@127.0.0.1/live", wanted=wanted)


@pytest.fixture(scope="module")
def without_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnderTest]:
    folder = tmp_path_factory.mktemp("passwords")
    under_test = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER)
    yield under_test
    close(under_test)


def test_a_password_stays_until_kafka_has_the_record_that_does_not_need_it(without_kafka: UnderTest) -> None:
    sourcing, store = _sourcing(without_kafka.services), without_kafka.services.passwords.store
    for source_id in ("removed", "changed"):
        without_kafka.know([camera(source_id)])
        store.put(source_id, "one", ORIGIN)

    async def change_both() -> list[type]:
        changes = (sourcing.remove("removed", OWNER), sourcing.patch("changed", {"url": "rtsp://127.0.0.1/live"}, OWNER))
        return [type(answer) for answer in await asyncio.gather(*changes, return_exceptions=True)]

    assert asyncio.run(change_both()) == [Unavailable, Unavailable]
    for source_id in ("removed", "changed"):
        assert store.get(source_id, ORIGIN) == "one"
        assert not without_kafka.services.book.is_acknowledged(source_id)


def test_a_source_is_not_called_gone_before_kafka_has_its_removal(without_kafka: UnderTest) -> None:
    """A crash would bring it back, and whoever was told 404 would not ask again."""
    sourcing = _sourcing(without_kafka.services)
    without_kafka.know([camera("leaving")])
    sourcing.writer.send("leaving", lambda _: wanted.remove(camera("leaving")))

    async def ask() -> list[type]:
        asked = (
            sourcing.remove("leaving", OWNER), sourcing.patch("leaving", {}, OWNER), sourcing.show("leaving", OWNER),
            sourcing.page(OWNER, None, 10),
        )  # fmt: skip
        return [type(answer) for answer in await asyncio.gather(*asked, return_exceptions=True)]

    assert asyncio.run(ask()) == [Unavailable] * 4


class Swept:
    """Passwords of sources, as old as a test says, and what sweeps them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.book, self.readiness = folder / "secrets", SourceBook("tiny-0@00000000"), Readiness()
        self.store = SecretStore(self.folder)
        self.writer = SourceWriter(Outbox("127.0.0.1:1", "test", Metrics()), self.book)
        self.media = MediaStore(folder / "media", Access(()))
        self.readiness.set("kafka", ready=True)

    def keep(self, source_id: str, age_seconds: float = UNSURE_SECONDS + 10) -> None:
        self.store.put(source_id, "one", ORIGIN)
        since = time.time() - age_seconds
        for name in (source_id, f".{source_id}@origin"):
            os.utime(self.folder / name, (since, since))

    def left(self) -> set[str]:
        """Return what one round leaves."""
        sweep = Sweep(self.media, Passwords(self.store), self.book, self.writer, self.readiness)
        sweep.follow()
        sweep.close()
        return {path.name for path in self.folder.iterdir() if not path.name.startswith(".")}


def test_passwords_of_records_that_kafka_never_got_go_and_nothing_of_those_in_force_or_of_people(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    sources = [camera("running"), camera("paused", "paused"), camera("gone", "removed"), file_source("turned")]
    swept.book.follow_sources(sources, {source.source_id: 0 for source in sources})
    for source_id in ("running", "paused", "gone", "turned", "unknown"):
        swept.keep(source_id)
    swept.keep("arriving", UNSURE_SECONDS - 60)
    (swept.folder / "mounted").write_text("one")
    os.utime(swept.folder / "mounted", (0, 0))
    swept.readiness.set("kafka", ready=False)
    assert {"gone", "turned", "unknown"} <= swept.left()
    swept.readiness.set("kafka", ready=True)
    assert swept.left() == {"running", "paused", "arriving", "mounted"}
    assert {path.name for path in swept.folder.glob(".*")} == {f".{name}@origin" for name in ("running", "paused", "arriving")}


def test_no_sweep_forgets_for_a_record_that_is_on_its_way(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    swept.keep("cam")
    swept.book.follow_sources([camera("cam")], {"cam": 0})
    swept.book.sent(camera("cam", "removed"))
    assert swept.left() == {"cam"}
    swept.book.delivered("cam", 1)
    assert swept.left() == set()


def test_no_sweep_deletes_media_for_a_record_that_is_on_its_way(tmp_path: Path) -> None:
    """A query that is killed before Kafka has the removal leaves a source in force, whose recordings would be gone."""
    swept = Swept(tmp_path)
    swept.folder.mkdir()
    film, upload = (swept.media.folder / path for path in ("recordings/cam/1/film.mp4", "uploads/talk/1/talk.mp4"))
    for file in (film, upload):
        file.parent.mkdir(parents=True)
        file.touch()
    os.utime(upload.parent, (0, 0))
    swept.book.follow_sources([camera("cam"), file_source("talk", url=str(upload))], {"cam": 0, "talk": 0})
    for source in (camera("cam", "removed"), file_source("talk", url="/elsewhere.mp4")):
        swept.book.sent(source)
    swept.left()
    assert film.exists()
    assert upload.exists()
    for source_id in ("cam", "talk"):
        swept.book.delivered(source_id, 1)
    swept.left()
    assert not film.exists()
    assert not upload.exists()


def test_no_change_forgets_what_a_later_one_needs(tmp_path: Path) -> None:
    swept = Swept(tmp_path)
    without = replace(camera("cam"), url="rtsp://127.0.0.1/live")
    swept.book.sent(camera("cam"))
    swept.keep("cam")
    Passwords(swept.store).release(without, swept.writer.while_unchanged)
    assert swept.store.get("cam", ORIGIN) == "one"
    swept.book.sent(without)
    Passwords(swept.store).release(camera("cam"), swept.writer.while_unchanged)
    assert swept.store.get("cam", ORIGIN) == "one"
    Passwords(swept.store).release(without, swept.writer.while_unchanged)
    with pytest.raises(UnknownSecret):
        swept.store.get("cam", ORIGIN)

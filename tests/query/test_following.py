"""What the bus and Milvus say of sources: on the real broker and the real Milvus, with the loop's calls made by hand."""

import itertools
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from schemas.collection import CollectionSettings
from schemas.messages import ChunkStatus, IndexEvent, Plan, RowWritten, SourceStatus, Span
from schemas.topics import CHUNK_STATUS, INDEX_EVENTS, SOURCE_STATUS, SOURCES
from services.query.access import Grant
from services.query.filters import Expression
from services.query.following import Following
from services.query.readiness import Readiness
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.store import Collection, Consistency, Store
from streaming.admin import create_topics
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.query.corpus import Corpus, file_source, make_corpus, row, unit
from tests.query.test_service import eventually

SPACE = "tiny-0@12345678"
ALL = Grant("key", frozenset({"search"}))


@pytest.fixture(scope="module")
def corpus(milvus: str) -> Iterator[Corpus]:
    """Make an empty collection."""
    made = make_corpus(milvus, SPACE, 8)
    yield made
    made.drop()


def test_a_source_is_indexed_only_when_milvus_shows_every_row_that_was_promised(kafka: str, milvus: str, corpus: Corpus) -> None:
    create_topics(kafka)
    outbox, book, readiness = Outbox(kafka, "test", Metrics()), SourceBook(SPACE), Readiness()
    store = Counted(milvus, corpus.alias)
    following = Following(kafka, book, SourceWriter(outbox, book), store, outbox, readiness, 2.0)
    source_id = f"indexed-{uuid.uuid4().hex[:8]}"
    source = file_source(source_id)
    only = Span(index=0, start_ms=0, end_ms=60_000)
    plan = Plan(life=1, fingerprint="f", duration_ms=1_500, sample_fps=2.0, seekable=True, chunks=(only,))
    status = SourceStatus(source_id=source_id, life=1, state="running", since_ms=0, plan=plan)
    done = ChunkStatus(stream=f"{source_id}/1/c0", source_id=source_id, life=1, index=0, space=SPACE, rows=3, last_t_ms=1_000)
    outbox.send_message(SOURCES.name, source, key=source_id)
    outbox.send_message(SOURCE_STATUS.name, status, key=source_id)
    outbox.send_message(CHUNK_STATUS.name, done, key=f"{SPACE}/{done.stream}")
    outbox.flush()
    following.read_to_end()

    vectors = unit(np.random.default_rng(0).normal(size=(3, 8)))
    corpus.write([row(source, t_ms, vectors[t_ms // 500]) for t_ms in (0, 500)])
    eventually(lambda: following.step() or store.counts >= 2)
    assert readiness.parts()["milvus"]
    assert book.view(book.get(source_id, ALL)).state == "running"

    corpus.write([row(source, 1_000, vectors[2])])
    eventually(lambda: following.step() or book.view(book.get(source_id, ALL)).state == "indexed")
    following.close()


def test_rows_of_a_camera_are_heard_of_as_they_become_searchable(kafka: str, milvus: str, corpus: Corpus) -> None:
    create_topics(kafka)
    outbox, book = Outbox(kafka, "test", Metrics()), SourceBook(SPACE)
    writer = SourceWriter(outbox, book)
    following = Following(kafka, book, writer, Store(milvus, corpus.alias), outbox, Readiness(), 2.0)
    camera = file_source(f"camera-{uuid.uuid4().hex[:8]}", kind="camera", url="rtsp://127.0.0.1/live")
    book.sent(camera)
    times = itertools.count(1_000, 1_000)

    def heard() -> bool:
        """Send one more row, for what was sent before the reader had its place is rightly missed; say whether one was heard."""
        t_ms = next(times)
        row = RowWritten(
            source_id=camera.source_id, life=1, part="f", t_ms=t_ms, end_ms=t_ms, captured_ms=t_ms, searchable_ms=t_ms + 800
        )
        event = IndexEvent(space=SPACE, stream=camera.source_id, rows=(row,))
        outbox.send_message(INDEX_EVENTS.name, event, key=camera.source_id)
        outbox.flush()
        following.follow()
        return book.view(camera).last_t_ms is not None

    eventually(heard)
    assert book.view(camera).searchable_seconds == 0.8
    following.close()


def test_what_another_process_writes_of_a_source_after_us_counts(kafka: str, milvus: str, corpus: Corpus) -> None:
    create_topics(kafka)
    outbox, book = Outbox(kafka, "test", Metrics()), SourceBook(SPACE)
    writer = SourceWriter(outbox, book)
    following = Following(kafka, book, writer, Store(milvus, corpus.alias), outbox, Readiness(), 2.0)
    source_id = f"shared-{uuid.uuid4().hex[:8]}"
    for state in ("running", "paused", "running"):
        writer.change(source_id, lambda _, state=state: file_source(source_id, wanted=state))  # type: ignore[misc]
    following.read_to_end()
    assert book.get(source_id, ALL).wanted == "running"
    outbox.send_message(SOURCES.name, file_source(source_id, name="of another process"), key=source_id)
    outbox.flush()

    def is_seen() -> bool:
        following.follow()
        return book.get(source_id, ALL).name == "of another process"

    eventually(is_seen)
    following.close()


def test_a_milvus_that_does_not_answer_holds_nothing_up_and_readiness_tells_when_it_does() -> None:
    outbox, book, readiness, milvus = Outbox("127.0.0.1:1", "test", Metrics()), SourceBook(SPACE), Readiness(), Frozen()
    following = Following("127.0.0.1:1", book, SourceWriter(outbox, book), milvus, outbox, readiness, 2.0)
    following.step()
    assert milvus.asked.wait(10)
    following.step()
    assert not milvus.has_answered  # so neither of the two has waited for it
    readiness.set("milvus", ready=True)
    milvus.answer_none.set()
    eventually(lambda: following.step() or not readiness.parts()["milvus"])
    milvus.answer_all.set()
    eventually(lambda: following.step() or readiness.parts()["milvus"])
    following.close()


def test_a_milvus_that_goes_and_comes_back_is_told_and_used_again(milvus: str, corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "relay.sock"
    store = Store(f"unix:{path}", corpus.alias, timeout_seconds=2.0)
    with pytest.raises(Unavailable, match="does not answer"):
        store.collection()
    with relay(path, Path(milvus.removeprefix("unix:"))):
        assert store.collection().settings.space == SPACE
    with pytest.raises(Unavailable, match="does not answer"):
        store.collection()
    with relay(path, Path(milvus.removeprefix("unix:"))):
        eventually(lambda: comes_back(store))
    store.close()


def test_a_collection_that_nobody_has_made_is_told_apart_from_a_server_that_is_away(milvus: str) -> None:
    with pytest.raises(Unavailable, match="no collection yet"):
        Store(milvus, "nobody").collection()


class Counted(Store):
    """Counts the strong reads that were answered."""

    counts = 0

    def count(self, collection: str, expression: Expression, consistency: Consistency = "Strong") -> int:
        """Count rows."""
        rows = super().count(collection, expression, consistency)
        self.counts += 1
        return rows


class Frozen(Store):
    """A Milvus that takes a question and is silent, until a test lets it fail or answer."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.asked, self.answer_none, self.answer_all = (threading.Event() for _ in range(3))
        self.has_answered = False

    def collection(self) -> Collection:
        """Describe the collection."""
        self.asked.set()
        self.answer_none.wait(5)
        self.has_answered = True
        if not self.answer_all.is_set():
            raise Unavailable("Milvus does not answer")
        settings = CollectionSettings(space=SPACE, sigma_seconds=1.0, cut_memory=8, cut_fixed_threshold=0.5, cut_deviations=6.0)
        return Collection("rows", settings)

    def matches(self, collection: str, expression: Expression) -> bool:
        """Say that there are rows."""
        return True


def comes_back(store: Store) -> bool:
    try:
        return store.collection().settings.space == SPACE
    except Unavailable:
        return False


@dataclass
class Relay:
    """Connections through a Unix socket to another one, until it is closed."""

    target: Path
    listening: socket.socket
    pairs: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def accept(self) -> None:
        """Take connections until the socket is closed."""
        while True:
            try:
                near, _ = self.listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self.target))
            self.pairs += [near, far]
            self.start(partial(copy, near, far))
            self.start(partial(copy, far, near))

    def start(self, work: Callable[[], None]) -> None:
        """Run `work` on a thread that is waited for at the end."""
        self.threads.append(threading.Thread(target=work))
        self.threads[-1].start()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until one side is closed."""
    try:
        while piece := source.recv(65_536):
            target.sendall(piece)
    except OSError:
        pass


@contextmanager
def relay(path: Path, target: Path) -> Iterator[None]:
    """Make `target` reachable at `path` for a while; at the end every connection through it breaks."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    running = Relay(target, listening)
    running.start(running.accept)
    try:
        yield
    finally:
        path.unlink()
        for one in (listening, *running.pairs):
            one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in running.threads:
            thread.join()

"""Chunks and the wanted state come by topics of their own: which is read first is chance, and must not matter."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.identity import chunk_stream
from schemas.messages import Chunk, Life, Plan, Source, SourceStatus, Wanted, encode
from schemas.topics import CHUNKS, FRAMES_BULK, SOURCE_STATUS, SOURCES
from services.decoder.chunk_work import ChunkWork
from services.decoder.metrics import METRICS
from services.decoder.settings import DecoderSettings
from services.decoder.state import StateTopics, read_state
from streaming.admin import create_topics
from streaming.backlog import Backlog
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Start
from tests.decoder.footage import ANYWHERE, write_video

PARTITION = Partition(CHUNKS.name, 0)
LONG_AGO_MS = 1_700_000_000_000


@dataclass
class Desk:
    """The work on chunks, and the topics beside it."""

    work: ChunkWork
    outbox: Outbox
    metrics: Metrics
    folder: Path

    def want(self, source_id: str, wanted: Wanted) -> None:
        """Say what a source should be; nothing here has read it yet."""
        source = Source(
            source_id=source_id, kind="file", life=1, lives=(Life(life=1, began_ms=0),), url="/v", sample_fps=2.0,
            wanted=wanted,
        )  # fmt: skip
        self.outbox.send_message(SOURCES.name, source, key=source_id)
        self.outbox.flush()

    def deal(self, source_id: str, offset: int = 0, at_ms: int = LONG_AGO_MS, *, is_there: bool = True) -> None:
        """Give the work a chunk of a short video, as the log gives it."""
        path = self.folder / f"{source_id}.mp4"
        if is_there:
            write_video(path, range(0, 2000, 40))
        chunk = Chunk(
            stream=chunk_stream(source_id, 1, 0), source_id=source_id, life=1, index=0, url=str(path), fingerprint="f",
            sample_fps=2.0, start_ms=0, end_ms=2000, read_from_ms=0, read_until_ms=2000,
        )  # fmt: skip
        self.work.process([Record(PARTITION, offset, chunk.stream.encode(), encode(chunk), (), at_ms)])

    def fail(self, source_id: str, offset: int, at_ms: int) -> None:
        """Give the work a chunk of a file that is not there, and let it try."""
        failed = self.chunks("failed")
        self.deal(source_id, offset, at_ms, is_there=False)
        while self.chunks("failed") == failed:
            self.work.step()
        self.outbox.flush()

    def is_begun(self) -> bool:
        """Take the step that begins or drops what was dealt, and return which."""
        dropped = self.chunks("dropped")
        begun = self.work.step()
        assert begun != (self.chunks("dropped") > dropped)
        return begun

    def chunks(self, outcome: str) -> float:
        """Return how many chunks have ended so."""
        for line in self.metrics.text().decode().splitlines():
            if line.startswith(f'framebus_decoder_chunks_total{{outcome="{outcome}"}}'):
                return float(line.rsplit(maxsplit=1)[-1])
        return 0.0


@pytest.fixture(scope="module")
def state(kafka: str) -> StateTopics:
    """The wanted state as it was before any of these tests: each has a source of its own."""
    create_topics(kafka)
    return read_state(DecoderSettings(kafka=kafka))


@pytest.fixture
def desk(kafka: str, tmp_path: Path, state: StateTopics) -> Iterator[Desk]:
    """A decoder's work on chunks that never follows the wanted state by itself."""
    metrics = Metrics(METRICS)
    outbox = Outbox(kafka, "decoder", metrics)
    backlog = Backlog(kafka, FRAMES_BULK.name, ())
    work = ChunkWork(state, backlog, 1000, 1, ANYWHERE, tmp_path, outbox, metrics)
    work.assigned(Start(PARTITION, 0))
    yield Desk(work, outbox, metrics, tmp_path)
    work.revoked(PARTITION)


@pytest.fixture
def source_id() -> str:
    return f"v{uuid.uuid4().hex[:12]}"


def test_a_chunk_that_was_read_before_its_source_is_decoded_however_long_ago_it_was_dealt(desk: Desk, source_id: str) -> None:
    desk.want(source_id, "running")
    desk.deal(source_id)
    assert desk.is_begun()


def test_a_chunk_that_was_read_before_the_resume_of_its_source_is_decoded(desk: Desk, state: StateTopics, source_id: str) -> None:
    desk.want(source_id, "paused")
    state.sources.read_on(10)
    desk.want(source_id, "running")
    desk.deal(source_id)
    assert desk.is_begun()


@pytest.mark.parametrize("wanted", ["paused", "removed"])
def test_a_chunk_that_was_read_before_its_source_was_paused_or_removed_is_dropped(
    desk: Desk, source_id: str, wanted: Wanted
) -> None:
    desk.want(source_id, "running")
    desk.want(source_id, wanted)
    desk.deal(source_id)
    assert not desk.is_begun()
    assert desk.work.reached(PARTITION).safe_offset == 1


def test_a_chunk_is_looked_at_again_for_each_that_was_read_after_the_last_look(desk: Desk, source_id: str) -> None:
    desk.deal(source_id)
    assert not desk.is_begun(), "nobody wants it"
    desk.want(source_id, "running")
    desk.deal(source_id, offset=1)
    assert desk.is_begun()


def test_a_failure_is_told_again_of_a_chunk_that_was_dealt_since(desk: Desk, state: StateTopics, source_id: str) -> None:
    """Its owner has said `running` meanwhile, which may not have been read yet, and would wait for the chunk for ever."""
    desk.want(source_id, "running")
    plan = Plan(life=1, fingerprint="f", duration_ms=3000, sample_fps=1.0, seekable=True, chunks=())
    told = SourceStatus(source_id=source_id, life=1, state="running", since_ms=1, plan=plan)
    desk.outbox.send_message(SOURCE_STATUS.name, told, key=source_id)
    desk.outbox.flush()

    def known() -> SourceStatus:
        state.statuses.read_on(10)
        return state.statuses.values[source_id]

    assert known() == told
    desk.fail(source_id, 0, LONG_AGO_MS)
    first = known()
    assert (first.state, bool(first.error)) == ("failed", True)
    desk.fail(source_id, 1, LONG_AGO_MS)
    assert known() == first, "it was dealt with the first"
    desk.fail(source_id, 2, first.since_ms + 1)
    second = known()
    assert (second.state, second.error, second.since_ms > first.since_ms) == (first.state, first.error, True)

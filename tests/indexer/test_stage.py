"""The indexer's stage where Kafka goes away between two records."""

import dataclasses
from typing import Any, Final, cast

import pytest
from msgspec.structs import replace

from schemas.headers import FrameHeaders, encode_embedding_headers, of_embedding
from schemas.messages import Source
from schemas.topics import CHUNK_STATUS
from services.indexer.core.settings import Smoothing
from services.indexer.frame_ends import FrameEnds
from services.indexer.intake import Intake
from services.indexer.metrics import METRICS
from services.indexer.stage import IndexStage
from services.indexer.writer import Writer
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.records import Partition
from streaming.stage import Start
from tests.broken.seeds import DIMENSION, FIRST_FRAME, SPACE, embedding
from tests.broken.stages import Kept, Known, Rows, source

TOPIC: Final = "embeddings-bulk"
HEADERS: Final = (
    FrameHeaders(source_id="push", stream="push", t_ms=5, life=1),
    FrameHeaders(source_id="film", stream="film/1/c0", t_ms=0, life=1, run=0, seq=0),
    FrameHeaders(source_id="film", stream="film/1/c0", t_ms=None, life=1, run=0, mark="stream_end", samples=1),
    FrameHeaders(source_id="new", stream="new", t_ms=5, life=1),
)


class Late(Known):
    """Knows of the second life of `push` when it has looked."""

    def look_again(self) -> None:
        """Learn of it."""
        self._sources = {"push": source("push", "push", life=2)}


def test_an_embedding_that_says_no_life_is_judged_by_all_that_was_written_before_it() -> None:
    metrics = Metrics(METRICS)
    registry = cast("Any", Late({"push": replace(source("push", "push"), wanted="removed")}))
    intake = Intake(SPACE, DIMENSION, registry, FrameEnds(lambda _: [0]), Kept("indexer", metrics), metrics)
    entry = intake.read(embedding(FrameHeaders(source_id="push", stream="push", t_ms=5), 1).record(TOPIC, 0))
    assert entry is not None
    assert entry.life == 2


class AwayAtFirst(Known):
    """Does not know the source `new`, nor can it look, until Kafka is back."""

    def __init__(self, sources: dict[str, Source]) -> None:
        super().__init__(sources)
        self.new: Source | None = None

    def source(self, source_id: str) -> Source | None:
        """Return a source."""
        return self.new if source_id == "new" else super().source(source_id)

    def look_again(self) -> None:
        """Raise `Unavailable` while Kafka is away."""
        if self.new is None:
            raise Unavailable("the end of sources is unknown")


def test_what_was_fed_before_kafka_went_away_is_settled_and_the_rest_comes_later() -> None:
    metrics = Metrics(METRICS)
    outbox, store = Kept("indexer", metrics), Rows()
    registry = AwayAtFirst({"push": source("push", "push"), "film": source("film", "file")})
    writer = Writer(cast("Any", store), metrics, seal_rows=1 << 40)
    intake = Intake(SPACE, DIMENSION, cast("Any", registry), FrameEnds(lambda _: [0]), outbox, metrics)
    stage = IndexStage([TOPIC], SPACE, Smoothing(), intake, cast("Any", registry), writer, outbox, metrics)
    partition = Partition(TOPIC, 0)
    stage.assigned(Start(partition, 0))
    stage.process([embedding(headers, seed).record(TOPIC, seed) for seed, headers in enumerate(HEADERS)])

    with pytest.raises(Unavailable):
        stage.step()
    stage.settle()
    reached = stage.reached(partition)
    assert (reached.safe_offset, reached.processed_offset) == (3, 3)
    assert sorted(store.rows) == ["film/1/f/0", "push/1/f/5"]
    assert [sent.topic for sent in outbox.sent if sent.topic == CHUNK_STATUS.name] == [CHUNK_STATUS.name]

    registry.new = source("new", "push")
    stage.step()
    stage.settle()
    assert stage.reached(partition).safe_offset == 4
    assert sorted(store.rows) == ["film/1/f/0", "new/1/f/5", "push/1/f/5"]
    writer.close()


def test_a_stage_that_is_to_write_no_more_writes_nothing_and_says_that_nothing_is_done() -> None:
    metrics = Metrics(METRICS)
    registry = cast("Any", Known({"push": source("push", "push"), "film": source("film", "file")}))
    outbox, store = Kept("indexer", metrics), Rows()
    writer = Writer(cast("Any", store), metrics, seal_rows=1 << 40)
    intake = Intake(SPACE, DIMENSION, registry, FrameEnds(lambda _: [0]), outbox, metrics)
    stage = IndexStage([TOPIC], SPACE, Smoothing(), intake, registry, writer, outbox, metrics)
    partition = Partition(TOPIC, 0)
    stage.assigned(Start(partition, 0))
    stage.process([embedding(headers, seed).record(TOPIC, seed) for seed, headers in enumerate(HEADERS[:3])])
    stage.withhold()
    stage.step()
    stage.settle()
    assert (store.rows, outbox.sent) == ({}, [])
    assert stage.reached(partition).safe_offset == 0
    writer.close()


def test_a_reader_that_has_not_come_as_far_as_the_one_before_it_commits_what_that_one_has_processed() -> None:
    metrics = Metrics(METRICS)
    outbox, registry = Kept("indexer", metrics), cast("Any", Known({"push": source("push", "push")}))
    writer = Writer(cast("Any", Rows()), metrics, seal_rows=1 << 40)
    intake = Intake(SPACE, DIMENSION, registry, FrameEnds(lambda _: [0]), outbox, metrics)
    stage = IndexStage([TOPIC], SPACE, Smoothing(), intake, registry, writer, outbox, metrics)
    partition = Partition(TOPIC, 0)
    stage.assigned(Start(partition, 5, resumed=True, processed=7))
    told = [(5, 7)]
    for offset in (5, 6, 7):
        stage.process([embedding(HEADERS[0], offset).record(TOPIC, offset)])
        stage.step()
        stage.settle()
        reached = stage.reached(partition)
        told.append((reached.safe_offset, reached.processed_offset))
    assert told == [(5, 7), (6, 7), (7, 7), (8, 8)]
    assert stage.processed() == {partition: 8}
    writer.close()


def test_vectors_of_frames_that_nobody_has_written_hide_nothing_that_was_sent_before_them() -> None:
    metrics = Metrics(METRICS)
    outbox, store = Kept("indexer", metrics), Rows()
    registry = cast("Any", Known({"push": source("push", "push"), "film": source("film", "file")}))
    writer = Writer(cast("Any", store), metrics, seal_rows=1 << 40)
    intake = Intake(SPACE, DIMENSION, registry, FrameEnds(lambda _: [FIRST_FRAME + 10]), outbox, metrics)
    stage = IndexStage([TOPIC], SPACE, Smoothing(), intake, registry, writer, outbox, metrics)
    stage.assigned(Start(Partition(TOPIC, 0), 0))
    lies = [embedding(HEADERS[0])] * 2
    for number, lie in enumerate(lies):
        lies[number] = dataclasses.replace(
            lie, headers=encode_embedding_headers(of_embedding(HEADERS[0], SPACE, 2**53 - 2 + number))
        )
    film = [embedding(headers, seed) for seed, headers in enumerate(HEADERS[1:3])]
    sent_ms = (9, 9, 3, 4)
    stage.process([wire.record(TOPIC, offset, sent_ms[offset]) for offset, wire in enumerate([*lies, *film])])
    stage.step()
    stage.settle()
    assert "film/1/f/0" in store.rows
    assert [sent.topic for sent in outbox.sent if sent.topic == CHUNK_STATUS.name] == [CHUNK_STATUS.name]
    writer.close()


def judge(headers: FrameHeaders, sources: dict[str, Source], timestamp_ms: int) -> list[str]:
    """Return why an intake refuses an embedding; nothing where it takes it."""
    metrics = Metrics(METRICS)
    outbox = Kept("indexer", metrics)
    intake = Intake(SPACE, DIMENSION, cast("Any", Known(sources)), FrameEnds(lambda _: [0]), outbox, metrics)
    taken = intake.read(embedding(headers, 1).record(TOPIC, 0, timestamp_ms))
    reasons = [value for sent in outbox.sent for name, value in sent.headers if name == "dlq_reason" and value]
    assert (taken is None) == bool(reasons)
    return [reason.decode() for reason in reasons]


NOW_MS = 1_700_000_000_000


def test_a_run_that_no_decoder_has_begun_hides_nothing_of_a_camera() -> None:
    """The largest run wins: one sender with numbers of its own would end a camera for good."""
    cameras = {"cam": source("cam", "camera"), "push": source("push", "push")}
    live = FrameHeaders(source_id="cam", stream="cam", t_ms=NOW_MS, life=1, run=NOW_MS + 86_400_000, seq=0)
    assert judge(live, cameras, NOW_MS) == [], "numbered by a clock that was a day ahead"
    for run in (2**53 - 1, 1000 * NOW_MS):
        assert "takes an id of its own" in judge(replace(live, run=run), cameras, NOW_MS)[0]
        assert judge(replace(live, source_id="push", stream="push", run=run), cameras, NOW_MS) == [], "its runs are its own"


def test_a_life_that_has_not_begun_is_told_to_its_sender() -> None:
    headers = FrameHeaders(source_id="push", stream="push", t_ms=5, life=3)
    reasons = judge(headers, {"push": source("push", "push", life=2)}, NOW_MS)
    assert reasons == ["life 3 of source 'push' has not begun: it is in life 2"]

"""The stages of embedder, indexer and decoder without Kafka and Milvus: all that is real is real, from the record to the row.

What stands in is what they read and write through: an outbox that keeps what it is given, topics of state as mappings, a store
that keeps rows. Each run returns what came of its records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from encoders.encoder import Encoder
from schemas.collection import FIELDS, Row
from schemas.limits import UNKNOWN_MS
from schemas.messages import Life, Message, Plan, Source, SourceStatus
from services.decoder.chunk_work import ChunkWork
from services.decoder.metrics import METRICS as DECODER_METRICS
from services.embedder.batching import BatchSize
from services.embedder.metrics import METRICS as EMBEDDER_METRICS
from services.embedder.sources import KnownSources
from services.embedder.stage import EmbedStage
from services.embedder.thumbnails import Thumbnails
from services.indexer.core.settings import Smoothing
from services.indexer.frame_ends import FrameEnds
from services.indexer.intake import Intake
from services.indexer.metrics import METRICS as INDEXER_METRICS
from services.indexer.stage import IndexStage
from services.indexer.writer import Writer
from streaming.metrics import REJECTED, Metrics
from streaming.outbox import Outbox
from streaming.records import Record
from streaming.stage import Stage, Start
from tests.broken.seeds import DIMENSION, FIRST_FRAME, SPACE
from tests.decoder.footage import ANYWHERE

RECORD_BYTES: Final = 1_000_000
"""What Kafka's client takes, key and headers included."""
HELD_RECORDS: Final = 200
GOOD: Final = "good-"
"""What the ids of all good sources begin with, and those of no bad one."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that a stage has sent."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def source_id(self) -> str:
        """The header of that name."""
        return next(((value or b"").decode(errors="replace") for name, value in self.headers if name == "source_id"), "")

    def without(self, header: str) -> "Sent":
        """Return the same record without a header."""
        return replace(self, headers=tuple(one for one in self.headers if one[0] != header))


class Kept(Outbox):
    """An outbox that keeps what Kafka would get; its checks, letters, budget and fuse are the real ones."""

    def __init__(self, service: str, metrics: Metrics) -> None:
        super().__init__("127.0.0.1:1", service, metrics)
        self.sent: list[Sent] = []

    def _produce(self, topic: str, value: Any, key: Any, headers: Any, place: Any, on_delivered: Any) -> None:
        size = len(key or b"") + len(value or b"") + sum(len(name) + len(said or b"") for name, said in headers)
        assert size < RECORD_BYTES, f"a record of {size} bytes for {topic}: Kafka's client refuses it, and the process ends"
        self.sent.append(Sent(topic, key, value, tuple(headers)))

    def flush(self, timeout_seconds: float = 5.0) -> None:
        """Nothing waits; the fuse judges."""
        del timeout_seconds
        self._fuse.judge()

    def has_room(self, most_waiting: int) -> bool:
        """Always."""
        return most_waiting > 0


class State:
    """A topic of state that does not change."""

    def __init__(self, values: Mapping[str, Message]) -> None:
        self.values = values

    def poll(self) -> list[Message]:
        """Return nothing new."""
        return []

    def read_on(self, deadline_seconds: float) -> None:
        """Nothing is there to be read."""


@dataclass
class Outcome:
    """What came of records: how many were rejected, what was sent beside dead letters, and the rows."""

    rejected: int
    sent: list[Sent]
    rows: dict[str, Row] = field(default_factory=dict)
    dropped: int = 0

    def good(self) -> tuple[list[Sent], dict[str, Row]]:
        """Return what came of the good sources, without where their frames lay: beside bad ones they lie elsewhere."""
        sent = [one.without("frame_offset") for one in self.sent if one.source_id.startswith(GOOD)]
        return sent, {key: row for key, row in self.rows.items() if row.source_id.startswith(GOOD)}


def source(source_id: str, kind: str, life: int = 1, url: str | None = None) -> Source:
    """Return a running source."""
    lives = tuple(Life(life=number, began_ms=0) for number in range(1, life + 1))
    return Source(source_id=source_id, kind=cast("Any", kind), life=life, lives=lives, url=url, sample_fps=2.0)


def embed(records: Sequence[Record], sources: Sequence[Source], encoder: Encoder, media: Path) -> Outcome:
    """Run records through the embedder."""
    metrics = Metrics(EMBEDDER_METRICS)
    outbox = Kept("embedder", metrics)
    state = cast("Any", State({one.source_id: one for one in sources}))
    stage = EmbedStage(
        encoder, KnownSources(state, outbox, metrics, auto_register=False), outbox, metrics, batch_size=BatchSize(0.05, 16),
        thumbnails=Thumbnails(media, metrics), unread=lambda: 0, unread_bound=1, decode_threads=1,
    )  # fmt: skip
    run(stage, records, outbox)
    stage.close()
    return _outcome(outbox, metrics, records, "framebus_embedder_dropped_total")


def index(records: Sequence[Record], sources: Sequence[Source]) -> Outcome:
    """Run records through the indexer."""
    metrics = Metrics(INDEXER_METRICS)
    outbox, store = Kept("indexer", metrics), Rows()
    registry = cast("Any", Known({one.source_id: one for one in sources}))
    writer = Writer(cast("Any", store), metrics, seal_rows=1 << 40)
    intake = Intake(SPACE, DIMENSION, registry, FrameEnds(lambda _: [FIRST_FRAME + len(records)]), outbox, metrics)
    stage = IndexStage([records[0].partition.topic], SPACE, Smoothing(), intake, registry, writer, outbox, metrics)
    run(stage, records, outbox)
    writer.close()
    outcome = _outcome(outbox, metrics, records, "framebus_indexer_dropped_total")
    outcome.rows = store.rows
    return outcome


def _plan(source: Source) -> Plan:
    return Plan(life=source.life, fingerprint="", duration_ms=0, sample_fps=source.sample_fps, seekable=True, chunks=())


def decode_chunks(records: Sequence[Record], sources: Sequence[Source], media: Path) -> Outcome:
    """Run records through the decoder's worker."""
    metrics = Metrics(DECODER_METRICS)
    outbox = Kept("decoder", metrics)
    statuses = {
        one.source_id: SourceStatus(source_id=one.source_id, life=one.life, state="running", since_ms=1, plan=_plan(one))
        for one in sources
    }
    state = cast("Any", _DecoderState({one.source_id: one for one in sources}, statuses))
    work = ChunkWork(state, cast("Any", _NoBacklog()), 1, 1, ANYWHERE, media, outbox, metrics)
    run(work, records, outbox)
    return _outcome(outbox, metrics, records, "framebus_decoder_chunks_total")


def run(stage: Stage, records: Sequence[Record], outbox: Kept) -> None:
    """Read, process, step, settle and flush as the loop does, until nothing is left; then all of the partition is processed."""
    partition = records[0].partition
    stage.assigned(Start(partition, records[0].offset, resumed=True))
    for first in range(0, len(records), HELD_RECORDS):
        stage.process(records[first : first + HELD_RECORDS])
        while stage.step():
            pass
        stage.settle()
        outbox.flush()
    reached = stage.reached(partition)
    assert reached.processed_offset == records[-1].offset + 1, "records are left for ever"
    assert records[0].offset <= reached.safe_offset <= records[-1].offset + 1


def _outcome(outbox: Kept, metrics: Metrics, records: Sequence[Record], dropped: str) -> Outcome:
    rejected = int(metrics.of(REJECTED).labels(records[0].partition.topic)._value.get())
    counted = [one for family in metrics.registry.collect() for one in family.samples if one.name == dropped]
    sent = [one for one in outbox.sent if not one.topic.endswith(".dlq")]
    letters = [one for one in outbox.sent if one.topic.endswith(".dlq")]
    assert all(any(name == "dlq_reason" and value for name, value in one.headers) for one in letters)
    assert bool(letters) == bool(rejected), "what is rejected leaves letters"
    return Outcome(rejected, sent, dropped=sum(int(one.value) for one in counted))


class Known:
    """What the indexer knows of sources and spaces."""

    auto_register = False

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def source(self, source_id: str) -> Source | None:
        """Return a source."""
        return self._sources.get(source_id)

    def knows_space(self, space: str) -> bool:
        """One other space is known."""
        return space == "other@ffffffff"

    def is_done(self, stream: str) -> bool:
        """One chunk of each is done."""
        return stream.endswith("/c9")

    def look_again(self) -> None:
        """Nothing changes."""


class Rows:
    """A store that keeps rows, and refuses what Milvus refuses."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def upsert(self, rows: Sequence[Row]) -> None:
        """Keep rows that have the types of the collection."""
        for row in rows:
            for one in FIELDS:
                _check_field(one.type, one.size, getattr(row, one.name))
            assert row.captured_ms >= UNKNOWN_MS
            self.rows[row.id] = row

    def delete_keys(self, keys: Sequence[str]) -> None:
        """Let rows go."""
        for key in keys:
            self.rows.pop(key, None)


def _check_field(kind: str, size: int, value: Any) -> None:
    if kind == "VARCHAR":
        assert len(value.encode()) <= size
    elif kind in ("INT64", "INT32"):
        bits = 63 if kind == "INT64" else 31
        assert -(1 << bits) <= value < 1 << bits
    elif kind == "FLOAT_VECTOR":
        assert value.shape == (DIMENSION,)
        assert np.isfinite(value).all()
        assert abs(float(np.linalg.norm(value)) - 1) < 1e-3


class _DecoderState:
    """What a worker asks of state."""

    def __init__(self, sources: Mapping[str, Message], statuses: Mapping[str, Message]) -> None:
        self.sources, self.statuses, self.finished = State(sources), State(statuses), self

    def has(self, stream: str) -> bool:
        """One chunk of each is done."""
        return stream.endswith("/c9")


class _NoBacklog:
    def unread(self, since: float) -> int:
        """Nothing is unread."""
        del since
        return 0

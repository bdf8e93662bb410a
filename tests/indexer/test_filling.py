"""What a rebuild takes from the log."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from schemas.headers import EmbeddingHeaders, encode_embedding_headers
from schemas.messages import ChunkStatus, Life, Source
from schemas.topics import CHUNK_STATUS, EMBEDDINGS_BULK, EMBEDDINGS_LIVE
from schemas.vectors import encode_vector
from services.indexer.asking import Asking
from services.indexer.beyond import Beginnings
from services.indexer.core.settings import Smoothing
from services.indexer.filling import FillingIntake, FillingOutbox, FillingStage
from services.indexer.frame_ends import FrameEnds
from services.indexer.metrics import METRICS
from streaming.errors import FuseBlown
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Start
from tests.indexer.made_logs import DIMENSION, SPACE, unit

STREAM = "file/1/c0"


class AllDone:
    """Knows one file, of which every chunk is in the collection that is searched."""

    def source(self, source_id: str) -> Source:
        return Source(source_id=source_id, kind="file", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=2.0)

    def is_done(self, stream: str) -> bool:
        assert stream == STREAM
        return True


def test_a_chunk_that_is_searched_is_not_done_in_a_new_collection_before_it_has_come_whole_there() -> None:
    metrics, whole = Metrics(METRICS), set[str]()
    outbox = Outbox("127.0.0.1:1", "test", metrics)
    intake = FillingIntake(
        SPACE, DIMENSION, cast("Any", AllDone()), FrameEnds(lambda _: [0]), outbox, metrics,
        asking=Asking(), beginnings=Beginnings(Smoothing()), whole=whole,
    )  # fmt: skip
    headers = EmbeddingHeaders(source_id="file", t_ms=500, stream=STREAM, life=1, run=0, seq=1, space=SPACE)
    place = Partition(EMBEDDINGS_BULK.name, 0)
    value = encode_vector(unit(np.random.default_rng(1)))
    record = Record(place, 7, STREAM.encode(), value, tuple(encode_embedding_headers(headers)), 0)
    entry = intake.read(record)
    assert entry is not None
    assert not entry.done
    whole.add(STREAM)
    entry = intake.read(record)
    assert entry is not None
    assert entry.done


def test_what_a_commit_held_and_the_log_lost_is_to_be_made_again_though_it_was_read() -> None:
    begun: list[tuple[int, int]] = []
    beginnings = SimpleNamespace(begins=lambda number, offset: begun.append((number, offset)))
    stage = FillingStage(
        [EMBEDDINGS_LIVE.name], SPACE, Smoothing(), *cast("Any", [None] * 4), Metrics(METRICS), beginnings=cast("Any", beginnings)
    )
    place = Partition(EMBEDDINGS_LIVE.name, 3)
    stage.assigned(Start(place, 70, resumed=True))
    assert begun == []
    stage.assigned(Start(place, 80, resumed=True, cut=True))
    stage.assigned(Start(place, 90))
    assert begun == [(3, 80), (3, 90)]


def test_nothing_is_said_of_what_is_filled_again_and_what_is_refused_counts_for_the_fuse(monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = FillingOutbox("127.0.0.1:1", Metrics(METRICS), Asking())
    said: list[str] = []
    monkeypatch.setattr(outbox, "_produce", lambda topic, *_: said.append(topic))
    status = ChunkStatus(stream=STREAM, source_id="file", life=1, index=0, space=SPACE, rows=3)
    outbox.send_message(CHUNK_STATUS.name, status, key=STREAM)
    assert outbox.whole == {STREAM}
    for offset in range(100):
        headers = [("source_id", f"file-{offset}".encode()), ("life", b"1")]
        outbox.reject(Record(Partition(EMBEDDINGS_BULK.name, 0), offset, b"file", b"", headers, 0), "no vector")
    with pytest.raises(FuseBlown, match="no vector"):
        outbox.flush(0)
    assert said == []

"""What is known of a source when a record of it is judged: all that was written before it."""

import uuid
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Producer

from encoders.address import load
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.messages import Life, Source, Wanted, encode
from schemas.topics import FRAMES_BULK, FRAMES_LIVE, SOURCES
from services.embedder.batching import BatchSize
from services.embedder.metrics import METRICS
from services.embedder.sources import KnownSources
from services.embedder.stage import EmbedStage
from services.embedder.thumbnails import Thumbnails
from streaming.admin import create_topics
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Start
from streaming.state import StateTopic
from tests.tiny_model import make_tiny_model

PLACE = Partition(FRAMES_LIVE.name, 0)


def write(kafka: str, source_id: str, life: int, wanted: Wanted = "running") -> None:
    """Write the wanted state of a pushed source, as query does."""
    lives = tuple(Life(life=number, began_ms=100 * number) for number in range(1, life + 1))
    source = Source(source_id=source_id, kind="push", life=life, lives=lives, sample_fps=1.0, wanted=wanted)
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(SOURCES.name, encode(source), source_id, headers=[("schema", b"source/1")])
    assert producer.flush(30) == 0


def test_what_was_written_before_a_record_that_says_no_life_is_known_when_it_is_judged(kafka: str) -> None:
    create_topics(kafka)
    source_id, metrics = f"push-{uuid.uuid4().hex[:8]}", Metrics(METRICS)
    with closing(StateTopic(kafka, SOURCES, Source)) as state:
        state.read_to_end()
        known = KnownSources(state, Outbox(kafka, "test", metrics), metrics, auto_register=False)
        for life in (1, 2, 3):
            write(kafka, source_id, life, "removed")
            write(kafka, source_id, life + 1)
            known.next_batch()
            found = known.find(source_id, None, 0)
            assert found is not None
            assert (found.life, found.wanted) == (life + 1, "running")


class AwayAtFirst:
    """A topic of sources that cannot be read on until Kafka is back."""

    def __init__(self) -> None:
        self.values: dict[str, Source] = {}
        self.is_away = True

    def poll(self) -> None:
        """Tell nothing."""

    def read_on(self, deadline_seconds: float) -> None:
        """Raise `Unavailable` while Kafka is away."""
        if self.is_away:
            raise Unavailable("the end of sources is unknown")


def test_records_that_cannot_be_judged_while_kafka_is_away_wait_in_their_order(tmp_path: Path) -> None:
    state, metrics = AwayAtFirst(), Metrics(METRICS)
    outbox = Outbox("127.0.0.1:9", "test", metrics)
    encoder = load(str(make_tiny_model(tmp_path / "model", dimension=8, seed=1, text=False)), threads=1)
    known = KnownSources(cast("Any", state), outbox, metrics, auto_register=False)
    stage = EmbedStage(
        encoder, known, outbox, metrics, batch_size=BatchSize(0.05, 16), thumbnails=Thumbnails(tmp_path, metrics),
        unread=lambda: 0, unread_bound=1, decode_threads=1,
    )  # fmt: skip
    stage.assigned(Start(PLACE, 5))
    headers = encode_frame_headers(FrameHeaders(source_id="push", stream="push", t_ms=None, run=0, mark="run_end"))
    stage.process([Record(PLACE, offset, b"push", b"", tuple(headers), 150) for offset in (5, 6)])
    assert not stage.wants()
    with pytest.raises(Unavailable):
        stage.step()
    assert stage.reached(PLACE).safe_offset == 5

    state.is_away = False
    state.values["push"] = Source(
        source_id="push", kind="push", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0, wanted="removed"
    )
    stage.step()
    assert stage.reached(PLACE).safe_offset == 7
    assert stage.wants()
    stage.close()


def test_live_frames_do_not_wait_for_the_count_of_what_is_unread_in_bulk(tmp_path: Path) -> None:
    state, metrics = AwayAtFirst(), Metrics(METRICS)
    outbox = Outbox("127.0.0.1:9", "test", metrics)
    encoder = load(str(make_tiny_model(tmp_path / "model", dimension=8, seed=1, text=False)), threads=1)
    known = KnownSources(cast("Any", state), outbox, metrics, auto_register=False)
    state.values["push"] = Source(source_id="push", kind="push", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0)
    unread: list[int | None] = [None]
    stage = EmbedStage(
        encoder, known, outbox, metrics, batch_size=BatchSize(0.05, 16), thumbnails=Thumbnails(tmp_path, metrics),
        unread=lambda: unread[0], unread_bound=1, decode_threads=1,
    )  # fmt: skip
    stage.assigned(Start(PLACE, 5))
    headers = encode_frame_headers(FrameHeaders(source_id="push", stream="push", t_ms=None, life=1, run=0, mark="run_end"))
    stage.process([Record(PLACE, 5, b"push", b"", tuple(headers), 150)])
    assert stage.step()
    assert stage.reached(PLACE).safe_offset == 6
    assert list(stage.wants()) == [FRAMES_LIVE.name]
    unread[0] = 0
    stage.step()
    assert list(stage.wants()) == [FRAMES_LIVE.name, FRAMES_BULK.name]
    stage.close()

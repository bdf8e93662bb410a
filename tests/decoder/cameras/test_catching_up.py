"""The decoder process while Kafka is away, and after consumers have lost records: every noted sample is sent once in effect."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from framebus.demo.camera import CameraServer, LiveScene
from framebus.local.kafka import KafkaServer
from schemas.messages import ChunkStatus, Recut
from schemas.recordings import NOT_ACKNOWLEDGED, JournalLine
from schemas.topics import CHUNK_STATUS, EMBEDDINGS_LIVE, FRAMES_LIVE, RECUT
from streaming.admin import create_topics
from tests.decoder.cameras.live_bus import Decoder, Heard, LiveBus

NAME = "captured-through-outages"
SMALL_QUEUE = """
import runpy
from streaming import clients
clients.ALL["queue.buffering.max.messages"] = 10
runpy.run_module("services.decoder", run_name="__main__", alter_sys=True)
"""
"""An outage of a minute fills the queue to Kafka; this one is full after a second."""


class IndexedBus(LiveBus):
    """A bus whose spans are indexed once they have come to their end and the camera is said to catch up."""

    done: int = 0

    def listen(self, seconds: float) -> None:
        """Hear, and say of each span that has ended that it is done."""
        super().listen(seconds)
        if self.state(NAME)[0] == "catching-up":
            for one in self.heard_bulk[self.done :]:
                if one.headers.mark == "stream_end":
                    self._say_done(one.headers.stream)
            self.done = len(self.heard_bulk)

    def _say_done(self, stream: str) -> None:
        rows = {one.headers.t_ms: one for one in self.heard_bulk if one.headers.stream == stream and one.headers.mark is None}
        owned = [t_ms for t_ms, one in rows.items() if not one.headers.context and t_ms is not None]
        last = max(owned, default=None)
        status = ChunkStatus(stream=stream, source_id=NAME, life=1, index=0, space="tiny", rows=len(owned), last_t_ms=last)
        self.outbox.send_message(CHUNK_STATUS.name, status, key=f"tiny/{stream}")
        self.outbox.flush()

    def caught_up(self) -> list[Heard]:
        """Return what was sent to become rows of the bulk lane."""
        return [one for one in self.heard_bulk if one.headers.mark is None and not one.headers.context]

    def unsent(self) -> list[JournalLine]:
        """Return the noted samples that Kafka has not acknowledged."""
        return [line for line in self.journal(NAME) if line.offset == NOT_ACKNOWLEDGED]


@pytest.fixture
def bus(broker: KafkaServer, tmp_path: Path) -> Iterator[IndexedBus]:
    create_topics(broker.address)
    with closing(IndexedBus(broker.address, tmp_path / "media", tmp_path / "secrets")) as bus:
        yield bus


@pytest.fixture
def server() -> Iterator[CameraServer]:
    with CameraServer({"scene": LiveScene()}) as server:
        yield server


@pytest.fixture
def decoder(bus: IndexedBus, tmp_path: Path) -> Iterator[Decoder]:
    decoder = Decoder(bus, tmp_path / "decoder.log", program=("-c", SMALL_QUEUE))
    decoder.start()
    yield decoder
    with suppress(ProcessLookupError):
        decoder.end(signal.SIGKILL)


def test_what_kafka_did_not_take_or_a_consumer_lost_comes_once_from_the_recording(
    broker: KafkaServer, bus: IndexedBus, server: CameraServer, decoder: Decoder
) -> None:
    bus.want(NAME, server.url("scene"), sample_fps=4.0)
    bus.wait(lambda: len(bus.samples(NAME)) >= 12, 90)

    with away(broker):
        bus.wait(lambda: len(bus.unsent()) >= 16, 30)
        first_outage = {line.t_ms for line in bus.unsent()}
    bus.wait(lambda: first_outage <= everything(bus), 40)
    assert {one.headers.t_ms for one in bus.caught_up()} & first_outage, "the queue was full: some come from the recording"
    bus.wait(lambda: bus.done and bus.state(NAME)[0] == "running", 30)

    with away(broker):
        bus.wait(lambda: len({line.t_ms for line in bus.unsent()} - everything(bus)) >= 12, 30)
        decoder.end(signal.SIGKILL)
        noted = {line.t_ms for line in bus.journal(NAME)}
    decoder.start()
    filmed = {t_ms for t_ms in noted if t_ms < max(noted) - 1_500}  # the film of the last moment was not written
    bus.wait(lambda: filmed <= everything(bus), 60)
    bus.wait(lambda: bus.done == len(bus.heard_bulk) and bus.state(NAME)[0] == "running", 30)

    sent = [one for one in (*bus.samples(NAME), *bus.caught_up()) if (one.headers.t_ms or 0) <= max(noted)]
    times = Counter(one.headers.t_ms for one in sent)
    assert set(times.values()) == {1}, "no sample was sent to become a row twice"
    assert filmed <= set(times) <= noted
    status = bus.status(NAME)
    assert status is not None
    assert bool(status.notices) == (set(times) < noted), "what was not on the disk yet is told"
    assert all(one.number is not None and abs(one.number - (one.headers.t_ms or 0)) < 400 for one in sent), (
        "pictures of their times"
    )

    before = len(bus.caught_up())
    lost = bus.samples(NAME)[3:9]
    recut = Recut(topic=FRAMES_LIVE.name, partition=lost[0].partition, first_offset=lost[0].offset, last_offset=lost[-1].offset)
    bus.outbox.send_message(RECUT.name, recut, key="frames-live")
    bus.outbox.flush()
    name = f"{NAME}/1/r{lost[0].headers.t_ms}"
    bus.wait(lambda: any(one.headers.stream == name and one.headers.mark for one in bus.heard_bulk), 30)
    again = bus.caught_up()[before:]
    assert [(one.headers.t_ms, one.number) for one in again] == [(one.headers.t_ms, one.number) for one in lost]
    stream = [one.headers for one in bus.heard_bulk if one.headers.stream == name]
    assert [one.seq for one in stream if one.mark is None] == list(range(len(stream) - 1))
    assert [one.context for one in stream].index(False) == 3, "what lies beside it comes as context"

    vectors = Recut(topic=EMBEDDINGS_LIVE.name, partition=lost[0].partition, first_offset=0, last_offset=0)
    bus.outbox.send_message(RECUT.name, vectors, key="embeddings-live")
    bus.outbox.flush()
    earliest = {one.headers.t_ms for one in bus.samples(NAME)[:12]}
    bus.wait(lambda: earliest <= {one.headers.t_ms for one in bus.caught_up()}, 30)


@contextmanager
def away(broker: KafkaServer) -> Iterator[None]:
    """Let the broker stand still; what it was sent last it may read when it goes on."""
    os.kill(broker.child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.child.pid, signal.SIGCONT)


def everything(bus: IndexedBus) -> set[int | None]:
    """Return the times of all samples that were sent to become rows."""
    return {one.headers.t_ms for one in (*bus.samples(NAME), *bus.caught_up())}

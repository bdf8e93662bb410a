"""Nine hundred hours of archive and a slow reader, or none: what is ahead of the reader stays within its bounds."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from framebus.local.errors import StackError
from framebus.local.jars import ensure_jars
from framebus.local.kafka import GroupTimeouts, KafkaServer
from framebus.local.places import tools_folder
from schemas.groups import DECODER_CHUNKS, embedder_group
from schemas.headers import FrameHeaders, decode_frame_headers
from schemas.limits import CHUNKS_DEALT_AHEAD
from schemas.messages import Chunk, ChunkStatus, Life, Source, decode
from schemas.topics import CHUNK_STATUS, CHUNKS, FRAMES_BULK, SOURCES, Topic
from streaming.admin import create_topics
from streaming.loop import Loop, Reader
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Reached, Start
from tests.decoder.footage import write_video
from tests.servers import absent

pytestmark = pytest.mark.brings_servers
ROOT = Path(__file__).parents[2]
SPACE = "test@00000000"
GROUP = embedder_group("bulk", SPACE)
HOURS = 300
SOURCE_IDS = ("archive1", "archive2", "archive3")
UNREAD_FRAMES = 200
CHUNK_FRAMES = 20
"""At a frame a minute: eight in the span, nine before it, one or two behind it."""

STOP_SECONDS = 30.0  # the grace period of a pod
WAITING_CPU_SHARE = 0.2


class Reading:
    """What embedder and indexer do with frames, without pictures: a chunk that has ended is said to be done.

    Its commits stay where they began, as a window's do: only their metadata shows how far it has read.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self._begun: dict[Partition, int] = {}
        self._next: dict[Partition, int] = {}
        self.done = 0

    @property
    def read(self) -> int:
        """Frames read by this group, ever."""
        return sum(self._next.values())

    def assigned(self, start: Start) -> None:
        self._begun[start.partition] = self._next[start.partition] = start.offset

    def revoked(self, partition: Partition) -> None:
        del self._begun[partition], self._next[partition]

    lost = revoked

    def wants(self) -> Collection[str]:
        return (FRAMES_BULK.name,)

    def process(self, records: Sequence[Record]) -> None:
        for record in records:
            headers = decode_frame_headers(record.headers)
            if headers.mark == "stream_end":
                self._say_done(headers.stream)
            self._next[record.partition] = record.offset + 1

    def step(self) -> bool:
        return False

    def settle(self) -> None:
        pass

    def reached(self, partition: Partition) -> Reached:
        return Reached(self._begun[partition], self._next[partition])

    def _say_done(self, stream: str) -> None:
        source_id, life, chunk = stream.split("/")
        status = ChunkStatus(stream=stream, source_id=source_id, life=int(life), index=int(chunk[1:]), space=SPACE, rows=8)
        self.outbox.send_message(CHUNK_STATUS.name, status, key=f"{SPACE}/{stream}")
        self.done += 1


@dataclass
class Archive:
    """A broker of its own with three long files, and what a test looks at there."""

    kafka: str
    folder: Path
    outbox: Outbox
    consumer: Consumer
    decoders: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def count(self, topic: Topic) -> int:
        """Return how many records a topic holds."""
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        return sum(self.consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)

    def read(self, topic: Topic) -> list[Message]:
        """Return every record of a topic."""
        count = self.count(topic)  # asked first: it would wait behind every fetch
        self.consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])
        messages: list[Message] = []
        while len(messages) < count:
            messages += self.consumer.consume(min(500, count - len(messages)), 10)
        self.consumer.unassign()
        return messages

    def frames(self) -> list[FrameHeaders]:
        """Return the headers of every frame and mark."""
        return [decode_frame_headers(cast("Any", message.headers())) for message in self.read(FRAMES_BULK)]

    def committed_chunks(self) -> set[str]:
        """Return the streams of the chunks that need not be read again."""
        places = [TopicPartition(CHUNKS.name, number) for number in range(CHUNKS.partitions)]
        with closing(Consumer({"bootstrap.servers": self.kafka, "group.id": DECODER_CHUNKS})) as group:
            commits = {commit.partition: commit.offset for commit in group.committed(places, timeout=10)}
        chunks = [message for message in self.read(CHUNKS) if (message.offset() or 0) < commits[message.partition() or 0]]
        return {decode(message.value(), Chunk).stream for message in chunks}

    def decoder(self) -> subprocess.Popen[bytes]:
        """Start a decoder that waits for the group."""
        environment = {
            **os.environ,
            "FRAMEBUS_KAFKA": self.kafka,
            "FRAMEBUS_DECODER_PORT": "0",
            "FRAMEBUS_DECODER_FILE_ROOTS": str(self.folder),
            "FRAMEBUS_DECODER_WAIT_FOR": GROUP,
            "FRAMEBUS_DECODER_UNREAD_FRAMES": str(UNREAD_FRAMES),
            "FRAMEBUS_DECODER_THREADS": "1",
        }
        with (self.folder / "decoder.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "services.decoder"], cwd=ROOT, env=environment, stderr=log)
        self.decoders.append(process)
        return process

    def stop(self, decoder: subprocess.Popen[bytes]) -> None:
        """Stop a decoder as an operator does; it must exit 0 in time."""
        decoder.terminate()
        assert decoder.wait(STOP_SECONDS) == 0, (self.folder / "decoder.log").read_text()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("archive")
    try:
        server = KafkaServer(folder / "kafka", ensure_jars(tools_folder()), GroupTimeouts(1.5, 0.5, 1.0))
        server.start()
    except StackError as error:
        absent(str(error))
    create_topics(server.address)
    path = write_video(folder / "long.mp4", range(0, HOURS * 3_600_000, 60_000), gop=1)
    outbox = Outbox(server.address, "test", Metrics())
    for source_id in SOURCE_IDS:
        life = Life(life=1, began_ms=0)
        source = Source(source_id=source_id, kind="file", life=1, lives=(life,), url=str(path), sample_fps=2.0)
        outbox.send_message(SOURCES.name, source, key=source_id)
    outbox.flush()
    with closing(Consumer({"bootstrap.servers": server.address, "group.id": "test"})) as consumer:
        made = Archive(server.address, folder, outbox, consumer)
        yield made
        for process in made.decoders:
            process.kill()
            process.wait()
    server.stop()


@contextmanager
def reading(archive: Archive) -> Iterator[Reading]:
    """Read the frames as the group that the decoder waits for."""
    metrics, stopping = Metrics(), threading.Event()
    stage = Reading(Outbox(archive.kafka, "reader", metrics))
    loop = Loop(archive.kafka, [Reader(GROUP, (FRAMES_BULK.name,))], stage, stage.outbox, metrics)
    thread = threading.Thread(target=loop.run, args=(stopping.is_set,))
    thread.start()
    try:
        yield stage
    finally:
        stopping.set()
        thread.join(30)


def await_that(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return when `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def rests(archive: Archive, decoder: subprocess.Popen[bytes], seconds: float = 2.0) -> bool:
    """Look for a while whether nothing is dealt or sent any more, at next to no CPU."""
    process = psutil.Process(decoder.pid)
    before, cpu = (archive.count(CHUNKS), archive.count(FRAMES_BULK)), process.cpu_times()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (archive.count(CHUNKS), archive.count(FRAMES_BULK)) != before:
            return False
        time.sleep(0.2)
    used = process.cpu_times()
    return used.user + used.system - cpu.user - cpu.system < WAITING_CPU_SHARE * seconds


def test_nothing_grows_while_nobody_reads_and_a_restart_deals_again_no_more_than_the_bound(archive: Archive) -> None:
    decoder = archive.decoder()
    await_that(lambda: archive.count(FRAMES_BULK) >= UNREAD_FRAMES)
    await_that(lambda: rests(archive, decoder))
    sent = archive.count(FRAMES_BULK)
    assert archive.count(CHUNKS) == CHUNKS_DEALT_AHEAD
    assert sent <= UNREAD_FRAMES + CHUNK_FRAMES
    for restart in range(1, 6):
        decoder.kill()
        decoder.wait()
        decoder = archive.decoder()
        await_that(lambda restart=restart: archive.count(CHUNKS) >= (1 + restart) * CHUNKS_DEALT_AHEAD)  # type: ignore[misc]
    await_that(lambda: rests(archive, decoder))
    assert archive.count(CHUNKS) == 6 * CHUNKS_DEALT_AHEAD
    assert archive.count(FRAMES_BULK) == sent
    archive.stop(decoder)


def test_it_goes_on_within_its_bounds_when_somebody_reads_and_the_sources_take_turns(archive: Archive) -> None:
    dealt, sent = archive.count(CHUNKS), archive.count(FRAMES_BULK)
    decoder = archive.decoder()
    await_that(lambda: archive.count(CHUNKS) >= dealt + CHUNKS_DEALT_AHEAD)
    with reading(archive) as reader:
        while reader.done < 2 * CHUNKS_DEALT_AHEAD:
            ahead, unread = archive.count(CHUNKS) - dealt, archive.count(FRAMES_BULK)
            assert ahead - reader.done <= CHUNKS_DEALT_AHEAD
            assert unread - reader.read <= UNREAD_FRAMES + CHUNK_FRAMES
            assert decoder.poll() is None
            time.sleep(0.02)
    archive.stop(decoder)
    assert archive.count(FRAMES_BULK) > sent
    newest = sorted(archive.read(CHUNKS), key=lambda message: message.timestamp()[1])[-30:]
    turns = Counter(decode(message.value(), Chunk).source_id for message in newest)
    assert set(turns) == set(SOURCE_IDS)
    assert max(turns.values()) - min(turns.values()) <= 2


def test_a_busy_decoder_that_is_stopped_has_committed_every_chunk_that_it_sent_and_no_other(archive: Archive) -> None:
    with reading(archive):
        sent, decoder = archive.count(FRAMES_BULK), archive.decoder()
        await_that(lambda: archive.count(FRAMES_BULK) > sent + 3 * UNREAD_FRAMES)
        archive.stop(decoder)
    ended = {header.stream for header in archive.frames() if header.mark == "stream_end"}
    assert archive.committed_chunks() == ended

"""The decoder process on a real broker: sources in, plans, chunks and frames out."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.headers import FrameHeaders, decode_frame_headers
from schemas.identity import chunk_stream
from schemas.messages import Chunk, ChunkStatus, Life, Recut, Source, SourceRequest, SourceStatus, Wanted, decode
from schemas.topics import CHUNK_STATUS, CHUNKS, FRAMES_BULK, RECUT, SOURCE_REQUESTS, SOURCE_STATUS, SOURCES
from streaming.admin import create_topics
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.decoder.footage import shared_video, write_video
from tests.decoder.web_server import Web, served

ROOT = Path(__file__).parents[2]
SPACE = "test@00000000"
OURS = "decoded-"
numbers = count(int(time.time()))


@dataclass
class Bus:
    """What a test says to the decoder, and what it hears from it."""

    kafka: str
    outbox: Outbox
    consumer: Consumer
    frames: list[FrameHeaders] = field(default_factory=list)
    statuses: list[SourceStatus] = field(default_factory=list)
    requests: list[SourceRequest] = field(default_factory=list)

    def want(
        self, source_id: str, url: str | Path, life: int = 1, wanted: Wanted = "running", starts_at: str | None = None
    ) -> None:
        """Say what a source should be, as query does."""
        source = Source(
            source_id=source_id, kind="file", life=life, lives=(Life(life=life, began_ms=0),), url=str(url), sample_fps=2.0,
            wanted=wanted, starts_at=starts_at,
        )  # fmt: skip
        self.outbox.send_message(SOURCES.name, source, key=source_id)
        self.outbox.flush()

    def done(self, source_id: str, life: int = 1, index: int = 0) -> None:
        """Say that a chunk is in the index, as the indexer does."""
        stream = chunk_stream(source_id, life, index)
        status = ChunkStatus(stream=stream, source_id=source_id, life=life, index=index, space=SPACE, rows=1)
        self.outbox.send_message(CHUNK_STATUS.name, status, key=f"{SPACE}/{stream}")
        self.outbox.flush()

    def status(self, source_id: str) -> SourceStatus | None:
        """Return the last status of a source."""
        return next((status for status in reversed(self.statuses) if status.source_id == source_id), None)

    def ends(self, source_id: str, life: int = 1) -> int:
        """Return how often a chunk of the source was decoded to its end."""
        return sum(f.source_id == source_id and f.life == life and f.mark == "stream_end" for f in self.frames)

    def samples(self, source_id: str) -> list[FrameHeaders]:
        """Return the frames of a source without its marks."""
        return [frame for frame in self.frames if frame.source_id == source_id and frame.mark is None]

    def wait(self, what: Callable[[], object], seconds: float = 40) -> None:
        """Listen until `what` is true."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"not within {seconds} s; statuses: {self.statuses[-5:]}"
            self.listen(0.1)

    def listen(self, seconds: float) -> None:
        """Hear what has been written, for at most `seconds`."""
        for message in self.consumer.consume(500, seconds):
            if message.error() is not None or not (message.key() or b"").startswith(OURS.encode()):
                continue
            if message.topic() == FRAMES_BULK.name:
                self.frames.append(decode_frame_headers(cast("Any", message.headers())))
            elif message.topic() == SOURCE_STATUS.name:
                self.statuses.append(decode(message.value(), SourceStatus))
            else:
                self.requests.append(decode(message.value(), SourceRequest))

    def hears_nothing_more(self, seconds: float = 2.5) -> None:
        """Listen for a while, in which no frame may come."""
        before, deadline = len(self.frames), time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.listen(0.2)
        assert len(self.frames) == before

    def falls_silent(self, seconds: float = 1.5) -> None:
        """Listen until no frame has come for a while: what was on its way may still come."""
        heard = -1
        while len(self.frames) > heard:
            heard, deadline = len(self.frames), time.monotonic() + seconds
            while time.monotonic() < deadline:
                self.listen(0.2)


@pytest.fixture(scope="module")
def bus(kafka: str) -> Iterator[Bus]:
    create_topics(kafka)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test-decoder", "enable.auto.commit": False})
    heard = (FRAMES_BULK, SOURCE_STATUS, SOURCE_REQUESTS)
    places = [TopicPartition(topic.name, number, OFFSET_BEGINNING) for topic in heard for number in range(topic.partitions)]
    consumer.assign(places)
    yield Bus(kafka, Outbox(kafka, "test", Metrics()), consumer)
    consumer.close()


@dataclass
class Process:
    """A decoder process."""

    bus: Bus
    folder: Path
    wait_for: str = ""
    unread_frames: int = 10_000
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, as production does."""
        environment = {
            **os.environ,
            "FRAMEBUS_KAFKA": self.bus.kafka,
            "FRAMEBUS_DECODER_PORT": "0",
            "FRAMEBUS_DECODER_FILE_ROOTS": "/",
            "FRAMEBUS_DECODER_WAIT_FOR": self.wait_for,
            "FRAMEBUS_DECODER_UNREAD_FRAMES": str(self.unread_frames),
            "FRAMEBUS_DECODER_HEARTBEAT": str(self.folder / "heartbeat"),
        }
        with (self.folder / "decoder.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "services.decoder"], cwd=ROOT, env=environment, stderr=log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)

    def is_running(self) -> bool:
        """Whether it still runs."""
        return self.process is not None and self.process.poll() is None


@pytest.fixture(scope="module")
def shared_decoder(bus: Bus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    decoder = Process(bus, tmp_path_factory.mktemp("decoder"))
    decoder.start()
    yield decoder
    assert decoder.stop() == 0, (decoder.folder / "decoder.log").read_text()


@pytest.fixture
def decoder(shared_decoder: Process) -> Process:
    if not shared_decoder.is_running():
        shared_decoder.start()
    return shared_decoder


@pytest.fixture
def name() -> str:
    return f"{OURS}{next(numbers)}"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4", list(range(0, 6_000, 40)), size=(320, 240))


def test_a_file_goes_in_and_its_samples_come_out_in_order(bus: Bus, decoder: Process, name: str) -> None:
    bus.want(name, shared_video("intel/car-detection.mp4"), starts_at="2026-11-20T08:00:00Z")
    bus.wait(lambda: bus.ends(name))
    samples = bus.samples(name)
    assert [frame.seq for frame in samples] == list(range(61))
    assert [frame.t_ms for frame in samples[:4]] == [0, 560, 1040, 1520]
    assert {(f.stream, f.life, f.run, f.context, f.width, f.height) for f in samples} == {(f"{name}/1/c0", 1, 0, False, 512, 288)}
    assert samples[1].captured_ms == 1_795_161_600_560
    bus.wait(lambda: bus.status(name))
    status = bus.status(name)
    assert status is not None
    assert (status.state, status.error) == ("running", None)
    assert status.plan is not None
    assert (status.plan.duration_ms, len(status.plan.chunks)) == (30_160, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "does not exist"), (b"", "is empty"), (b"no video at all " * 999, "is not a video that can be read")],
)
def test_a_bad_file_is_failed_with_its_reason(
    bus: Bus, decoder: Process, name: str, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "bad.mp4").write_bytes(content)
    bus.want(name, tmp_path / "bad.mp4")
    bus.wait(lambda: (status := bus.status(name)) and status.state == "failed")
    status = bus.status(name)
    assert status is not None
    assert reason in (status.error or "")
    assert decoder.is_running()


def test_a_failed_file_is_looked_at_again_when_it_is_added_again(
    bus: Bus, decoder: Process, name: str, clip: Path, tmp_path: Path
) -> None:
    bus.want(name, tmp_path / "later.mp4")
    bus.wait(lambda: (status := bus.status(name)) and status.state == "failed")
    shutil.copy(clip, tmp_path / "later.mp4")
    bus.want(name, tmp_path / "later.mp4")
    bus.wait(lambda: bus.ends(name))


def test_a_server_that_is_away_is_waited_for(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    with served(Web({"/v.mp4": clip.read_bytes()}, status=503)) as web:
        bus.want(name, web.url("/v.mp4"))
        bus.wait(lambda: (status := bus.status(name)) and "503" in (status.error or ""))
        status = bus.status(name)
        assert status is not None
        assert status.state == "waiting"
        web.status = None
        bus.wait(lambda: bus.ends(name))
        bus.wait(lambda: (status := bus.status(name)) and (status.state, status.error) == ("running", None))


def test_a_paused_file_sends_nothing_until_it_is_resumed(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    bus.want(name, clip, wanted="paused")
    bus.wait(lambda: (status := bus.status(name)) and status.state == "paused")
    bus.hears_nothing_more()
    bus.want(name, clip)
    bus.wait(lambda: bus.ends(name))


def test_a_file_paused_while_it_is_decoded_stops_and_comes_whole_when_it_is_resumed(
    bus: Bus, decoder: Process, name: str
) -> None:
    path = shared_video("intel/one-by-one-person-detection.mp4")
    bus.want(name, path)
    bus.wait(lambda: len(bus.samples(name)) > 20)
    bus.want(name, path, wanted="paused")
    bus.wait(lambda: (status := bus.status(name)) and status.state == "paused")
    bus.falls_silent()
    bus.want(name, path)
    bus.wait(lambda: bus.ends(name) and {frame.seq for frame in bus.samples(name)} == set(range(279)))


def test_a_truncated_file_goes_in_as_far_as_it_goes_and_says_so_for_the_whole_life(
    bus: Bus, decoder: Process, name: str, tmp_path: Path
) -> None:
    path = write_video(tmp_path / "cut.mkv", list(range(0, 20_000, 40)), size=(320, 240))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    bus.want(name, path)
    bus.wait(lambda: bus.ends(name) and (status := bus.status(name)) and status.notices)
    told = bus.status(name)
    assert told is not None
    assert (told.state, told.error) == ("running", None)
    assert told.notices[0].endswith(" of 0:20: the file is truncated or damaged")
    for state in ("paused", "running"):
        bus.want(name, path, wanted=state)
        bus.wait(lambda: (status := bus.status(name)) and (status.state, status.notices) == (state, told.notices))  # noqa: B023


def test_a_notice_that_comes_after_a_later_state_is_kept_with_that(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    bus.want(name, clip)
    bus.wait(lambda: (status := bus.status(name)) and status.state == "running")
    bus.want(name, clip, wanted="paused")
    bus.wait(lambda: (status := bus.status(name)) and status.state == "paused")
    late = SourceStatus(source_id=name, life=1, state="running", since_ms=1, notices=("the film is damaged",))
    bus.outbox.send_message(SOURCE_STATUS.name, late, key=name)
    bus.wait(lambda: (status := bus.status(name)) and (status.state, status.notices) == ("paused", late.notices))


def test_a_changed_file_is_reported_and_planned_anew_in_its_next_life(
    bus: Bus, decoder: Process, name: str, clip: Path, tmp_path: Path
) -> None:
    path = shutil.copy(clip, tmp_path / "changing.mp4")
    bus.want(name, path)
    bus.wait(lambda: bus.ends(name))
    write_video(Path(path), list(range(0, 3_000, 40)), size=(320, 240))
    bus.want(name, path)
    bus.wait(lambda: [request for request in bus.requests if request.source_id == name])
    request = next(request for request in bus.requests if request.source_id == name)
    assert (request.reason, request.life) == ("changed_file", 1)
    bus.want(name, path, life=2)
    bus.wait(lambda: bus.ends(name, life=2))
    assert bus.ends(name, life=1) == 1


def test_a_removed_file_is_left_alone_and_comes_back_in_a_new_life(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    bus.want(name, clip)
    bus.wait(lambda: bus.ends(name))
    bus.want(name, clip, wanted="removed")
    bus.outbox.send_message(
        RECUT.name, Recut(topic=FRAMES_BULK.name, partition=0, first_offset=0, last_offset=1), key="frames-bulk/0"
    )
    bus.outbox.flush()
    bus.want(name, clip, life=2)
    bus.wait(lambda: bus.ends(name, life=2))
    assert bus.ends(name, life=1) == 1


def test_what_a_consumer_lost_is_dealt_again_unless_it_is_done(bus: Bus, decoder: Process, clip: Path) -> None:
    lost, done = (f"{OURS}{next(numbers)}" for _ in range(2))
    for source_id in (lost, done):
        bus.want(source_id, clip)
        bus.wait(lambda source_id=source_id: bus.ends(source_id))  # type: ignore[misc]
    bus.done(done)
    told_ms = 1_763_625_600_000
    for source_id in (lost, done):
        recut = Recut(
            source_id=source_id, topic=FRAMES_BULK.name, partition=3, first_offset=0, last_offset=99, at_ms=told_ms
        )  # fmt: skip
        bus.outbox.send_message(RECUT.name, recut, key="frames-bulk/3")
    bus.outbox.flush()
    bus.wait(lambda: bus.ends(lost) == 2)
    assert bus.ends(done) == 1
    first, again = ([f for f in bus.frames if f.source_id == lost and f.run == run] for run in (0, told_ms))
    assert [f.seq for f in first] == [f.seq for f in again] == [*range(len(first) - 1), None]
    assert first[-1].samples == again[-1].samples == len(first) - 1


def test_a_killed_decoder_decodes_its_chunk_again_to_the_same_samples(bus: Bus, decoder: Process, name: str) -> None:
    bus.want(name, shared_video("intel/one-by-one-person-detection.mp4"))
    bus.wait(lambda: len(bus.samples(name)) > 20)
    decoder.stop(signal.SIGKILL)
    decoder.start()
    bus.wait(lambda: bus.ends(name), seconds=60)
    samples = {(frame.seq, frame.t_ms) for frame in bus.samples(name)}
    assert sorted(seq for seq, _ in samples if seq is not None) == list(range(279))


def test_a_chunk_that_is_done_is_not_decoded_again_after_a_restart(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    bus.want(name, clip)
    bus.wait(lambda: bus.ends(name))
    bus.done(name)
    assert decoder.stop() == 0
    decoder.start()
    other = f"{OURS}{next(numbers)}"
    bus.want(other, clip)
    bus.wait(lambda: bus.ends(other))
    assert bus.ends(name) == 1


def test_a_chunk_starts_only_while_few_enough_frames_are_unread(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    assert decoder.stop() == 0
    decoder.wait_for, decoder.unread_frames = "framebus-test-group", 1
    decoder.start()
    try:
        bus.want(name, clip)
        bus.wait(lambda: (status := bus.status(name)) and status.state == "running")
        bus.hears_nothing_more()
    finally:
        assert decoder.stop() == 0
        decoder.wait_for, decoder.unread_frames = "", 10_000
        decoder.start()
    bus.wait(lambda: bus.ends(name))


def test_memory_stays_within_its_bound(bus: Bus, decoder: Process, name: str) -> None:
    bus.want(name, shared_video("intel/one-by-one-person-detection.mp4"))
    bus.wait(lambda: bus.ends(name))
    assert decoder.process is not None
    status = Path(f"/proc/{decoder.process.pid}/status").read_text().splitlines()
    resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    assert resident < 150_000


def again(source_id: str, index: int, run: int) -> Chunk:
    """Return a chunk as a rebuild asks for it: how it is read the worker knows."""
    return Chunk(
        stream=chunk_stream(source_id, 1, index), source_id=source_id, life=1, index=index, url="", fingerprint="",
        sample_fps=2.0, start_ms=0, end_ms=1, read_from_ms=0, read_until_ms=1, run=run, rebuild=True,
    )  # fmt: skip


def test_a_chunk_that_is_done_is_decoded_again_for_a_rebuild_as_it_was(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    bus.want(name, clip, starts_at="2026-11-20T08:00:00Z")
    bus.wait(lambda: bus.ends(name))
    first = bus.samples(name)
    bus.done(name)
    bus.want(name, clip, wanted="paused", starts_at="2026-11-20T08:00:00Z")
    bus.outbox.send_message(CHUNKS.name, again(name, 0, 5), key=name)
    bus.wait(lambda: bus.ends(name) == 2)
    second = [frame for frame in bus.samples(name) if frame.rebuild]
    assert second == [msgspec.structs.replace(frame, run=5, rebuild=True) for frame in first]
    mark = next(frame for frame in reversed(bus.frames) if frame.source_id == name)
    assert (mark.mark, mark.run, mark.samples, mark.rebuild, mark.lacks) == ("stream_end", 5, len(first), True, None)


def test_a_rebuild_is_told_why_a_chunk_cannot_be_decoded_again(bus: Bus, decoder: Process, name: str, clip: Path) -> None:
    bus.want(name, clip)
    bus.wait(lambda: bus.ends(name))
    bus.done(name)
    clip.unlink()
    for index in (0, 7):
        bus.outbox.send_message(CHUNKS.name, again(name, index, 5), key=name)
    bus.wait(lambda: sum(frame.source_id == name and frame.mark == "run_end" for frame in bus.frames) == 2)
    told = {frame.stream: frame for frame in bus.frames if frame.source_id == name and frame.mark == "run_end"}
    assert "does not exist" in (told[f"{name}/1/c0"].lacks or "")
    assert told[f"{name}/1/c7"].lacks == "chunk 7 is not in the file's plan"
    status = bus.status(name)
    assert status is not None
    assert (status.state, status.error) == ("running", None), "what is searched is as it was"

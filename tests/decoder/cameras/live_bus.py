"""What tests of cameras say to decoders and hear from them, on a real broker; decoder processes as production starts them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from framebus.demo.camera.timecode import read_number
from schemas.headers import FrameHeaders, decode_frame_headers
from schemas.messages import Life, Source, SourceStatus, Wanted, decode
from schemas.recordings import JournalLine, Segment, life_folder, parse_journal, parse_segment
from schemas.topics import FRAMES_BULK, FRAMES_LIVE, SOURCE_STATUS, SOURCES
from streaming.metrics import Metrics
from streaming.outbox import Outbox

ROOT = Path(__file__).parents[3]
OURS = (b"captured-", b"filmed-")
"""Sources of tests of cameras; others share the broker, and some of them send rubbish."""


@dataclass(frozen=True)
class Heard:
    """A record of `frames-live` or `frames-bulk`, and the number that its picture carries."""

    headers: FrameHeaders
    number: int | None
    partition: int
    offset: int


@dataclass
class LiveBus:
    """What a test says, and what it hears."""

    kafka: str
    media: Path
    secrets: Path
    outbox: Outbox = field(init=False)
    heard: list[Heard] = field(default_factory=list)
    heard_bulk: list[Heard] = field(default_factory=list)
    statuses: list[SourceStatus] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.kafka, "test", Metrics())
        self.consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "test-cameras", "enable.auto.commit": False})
        topics = (FRAMES_LIVE, FRAMES_BULK, SOURCE_STATUS)
        places = [TopicPartition(topic.name, number, OFFSET_BEGINNING) for topic in topics for number in range(topic.partitions)]
        self.consumer.assign(places)

    def want(
        self, source_id: str, url: str, *, wanted: Wanted = "running", life: int = 1, sample_fps: float = 1.0, record: bool = True
    ) -> None:
        """Say what a camera should be, as query does."""
        source = Source(
            source_id=source_id,
            kind="camera",
            life=life,
            lives=(Life(life=life, began_ms=0),),
            url=url,
            sample_fps=sample_fps,
            wanted=wanted,
            record=record,
        )
        self.outbox.send_message(SOURCES.name, source, key=source_id)
        self.outbox.flush()

    def say(self, status: SourceStatus) -> None:
        """Say how a camera is, as a decoder does that was its owner."""
        self.outbox.send_message(SOURCE_STATUS.name, status, key=status.source_id)
        self.outbox.flush()

    def samples(self, source_id: str) -> list[Heard]:
        """Return the frames of a camera."""
        return [one for one in self.heard if one.headers.source_id == source_id and one.headers.mark is None]

    def ends(self, source_id: str) -> list[int | None]:
        """Return the runs of a camera that were ended."""
        marks = [one.headers for one in self.heard if one.headers.source_id == source_id and one.headers.mark == "run_end"]
        return [mark.run for mark in marks]

    def said(self, source_id: str) -> int:
        """Return how many statuses of a source there were."""
        return sum(status.source_id == source_id for status in self.statuses)

    def status(self, source_id: str) -> SourceStatus | None:
        """Return the last status of a source."""
        return next((status for status in reversed(self.statuses) if status.source_id == source_id), None)

    def state(self, source_id: str) -> tuple[str, str]:
        """Return the last state of a source, and why."""
        status = self.status(source_id)
        return ("", "") if status is None else (status.state, status.error or "")

    def wait(self, what: Callable[[], object], seconds: float = 20.0) -> None:
        """Listen until `what` is true."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"not within {seconds} s; statuses: {self.statuses[-4:]}"
            self.listen(0.05)

    def listen(self, seconds: float) -> None:
        """Hear what has been written, for at most `seconds`."""
        for message in self.consumer.consume(200, seconds):
            if message.error() is not None or not (message.key() or b"").startswith(OURS):
                continue
            if message.topic() == SOURCE_STATUS.name:
                self.statuses.append(decode(message.value(), SourceStatus))
            else:
                headers = decode_frame_headers(cast("Any", message.headers()))
                heard = self.heard if message.topic() == FRAMES_LIVE.name else self.heard_bulk
                heard.append(Heard(headers, _number(message.value()), message.partition() or 0, message.offset() or 0))

    def segments(self, source_id: str, life: int = 1) -> list[tuple[Segment, Path]]:
        """Return the recorded segments of a camera in the order of their times."""
        folder = self.media / life_folder(source_id, life)
        found = [(segment, path) for path in folder.glob("*/*.mp4") if (segment := parse_segment(path.name)) is not None]
        return sorted(found)

    def journal(self, source_id: str, life: int = 1) -> list[JournalLine]:
        """Return what the journals of a camera say."""
        lines: list[JournalLine] = []
        for _, path in self.segments(source_id, life):
            lines += parse_journal(path.with_suffix(".samples").read_text())
        return lines

    def close(self) -> None:
        """Hear no more."""
        self.consumer.close()


@dataclass
class Decoder:
    """A decoder process; `kafka` where it reaches Kafka another way than the test."""

    bus: LiveBus
    log: Path
    networks: str = "127.0.0.0/8"
    program: tuple[str, ...] = ("-m", "services.decoder")
    kafka: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, as production does."""
        environment = {
            **os.environ,
            "FRAMEBUS_KAFKA": self.kafka or self.bus.kafka,
            "FRAMEBUS_MEDIA": str(self.bus.media),
            "FRAMEBUS_SECRETS": str(self.bus.secrets),
            "FRAMEBUS_SOURCE_NETWORKS": self.networks,
            "FRAMEBUS_DECODER_PORT": "0",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, *self.program], cwd=ROOT, env=environment, stderr=log)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(20)


def _number(jpeg: bytes | None) -> int | None:
    if not jpeg:
        return None
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return None if picture is None else read_number(picture.astype(np.uint8))

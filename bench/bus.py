"""A broker with one service on it: a decoder and the samples that it sends, or an embedder and what it makes of frames."""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import psutil
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from framebus.local.jars import ensure_jars
from framebus.local.kafka import KafkaServer
from framebus.local.places import python_environment, tools_folder
from framebus.local.tether import tethered
from schemas.headers import FrameHeaders, decode_frame_headers, encode_frame_headers
from schemas.messages import Life, Source
from schemas.topics import EMBEDDINGS_BULK, FRAMES_BULK, FRAMES_LIVE, SOURCES, TOPICS
from streaming.admin import create_topics
from streaming.metrics import Metrics
from streaming.outbox import Outbox

RUNNING_SECONDS: Final = 90.0
EMBEDDED_SECONDS: Final = 60.0
READ_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Sample:
    """A sample on the bus: when its frame was taken, and when the decoder handed it to Kafka."""

    source_id: str
    t_ms: int
    handed_ms: int
    jpeg: bytes


class Bus:
    """A broker of its own in `folder`, from entering the block to leaving it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = KafkaServer(folder / "kafka", ensure_jars(tools_folder()))

    def __enter__(self) -> Self:
        self._server.start()
        create_topics(self._server.address)
        self._outbox = Outbox(self._server.address, "bench", Metrics())
        self._consumer = Consumer({"bootstrap.servers": self._server.address, "group.id": "bench", "enable.auto.commit": False})
        self._places = [TopicPartition(FRAMES_LIVE.name, number, OFFSET_BEGINNING) for number in range(FRAMES_LIVE.partitions)]
        self._consumer.assign(self._places)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()
        self._server.stop()

    @contextmanager
    def capturing(self, urls: Mapping[str, str], *, record: bool) -> Iterator[psutil.Process]:
        """Run a decoder on these cameras, one sample a second of each; they are all sampled when the block begins."""
        self._want(urls, record=record, wanted="running")
        self.samples()
        with self.running("decoder", FRAMEBUS_SOURCE_NETWORKS="127.0.0.0/8") as process:
            self._wait_for(set(urls))
            yield process
        self._want(urls, record=record, wanted="removed")

    def samples(self) -> list[Sample]:
        """Return what has been sampled since the last call, up to now."""
        ends = [self._end(place) for place in self._places]
        found: list[Sample] = []
        while any(at.offset < end for at, end in zip(self._consumer.position(self._places), ends, strict=True) if end):
            messages = self._consumer.consume(500, 0.05)
            found += [_sample(message) for message in messages if message.error() is None and message.value()]
        return found

    def embedded(self, source_id: str, jpegs: Sequence[bytes]) -> list[int]:
        """Push these pictures into `frames-bulk`, and return when the embedding of each was read, in ms, in order."""
        source = Source(source_id=source_id, kind="push", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0)
        self._outbox.send_message(SOURCES.name, source, key=source_id)
        self._outbox.flush(RUNNING_SECONDS)
        with self._reading(EMBEDDINGS_BULK.name) as consumer:
            for number, jpeg in enumerate(jpegs):
                stream = f"{source_id}/1/c{number}"  # one chunk each, so that they go to all partitions
                headers = encode_frame_headers(FrameHeaders(source_id=source_id, t_ms=1000 * number, stream=stream))
                self._outbox.send(FRAMES_BULK.name, jpeg, key=stream, headers=headers)
            self._outbox.flush(RUNNING_SECONDS)
            # By the reader's clock: an embedding bears the time at which its frame was sent.
            arrived: list[int] = []
            deadline = time.monotonic() + EMBEDDED_SECONDS
            while len(arrived) < len(jpegs):
                messages = [message for message in consumer.consume(500, READ_SECONDS) if message.error() is None]
                if messages:
                    deadline = time.monotonic() + EMBEDDED_SECONDS
                elif time.monotonic() > deadline:
                    raise TimeoutError(
                        f"{len(arrived)} of {len(jpegs)} pictures are embedded, none in {EMBEDDED_SECONDS:g} s: "
                        f"look whether {FRAMES_BULK.name}.dlq says why"
                    )
                arrived += [round(time.time() * 1000)] * len(messages)
        return arrived

    @contextmanager
    def _reading(self, topic: str) -> Iterator[Consumer]:
        """Read what comes to a topic from now on."""
        consumer = Consumer({"bootstrap.servers": self._server.address, "group.id": "bench-read", "enable.auto.commit": False})
        places = [TopicPartition(topic, number) for number in range(TOPICS[topic].partitions)]
        consumer.assign([TopicPartition(topic, place.partition, self._end(place)) for place in places])
        try:
            yield consumer
        finally:
            consumer.close()

    def _end(self, place: TopicPartition) -> int:
        """Ask Kafka until it answers: just after a topic's creation it may know no leader."""
        deadline = time.monotonic() + RUNNING_SECONDS
        while True:
            try:
                return int(self._consumer.get_watermark_offsets(place)[1])
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @contextmanager
    def running(self, service: str, **settings: str) -> Iterator[psutil.Process]:
        """Run `decoder` or `embedder` on this broker; what it says is in a file of its name in `folder`."""
        known = {
            "FRAMEBUS_KAFKA": self._server.address,
            "FRAMEBUS_MEDIA": str(self._folder / "media"),
            "FRAMEBUS_SECRETS": str(self._folder / "secrets"),
            f"FRAMEBUS_{service.upper()}_PORT": "0",
        }
        environment = {**python_environment(), **known, **settings}
        with (self._folder / f"{service}.log").open("ab") as log:
            command = tethered((sys.executable, "-m", f"services.{service}"))
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()

    def _want(self, urls: Mapping[str, str], *, record: bool, wanted: Any) -> None:
        for source_id, url in urls.items():
            lives = (Life(life=1, began_ms=0),)
            source = Source(
                source_id=source_id, kind="camera", life=1, lives=lives, url=url, sample_fps=1.0, record=record, wanted=wanted
            )
            self._outbox.send_message(SOURCES.name, source, key=source_id)
        self._outbox.flush(RUNNING_SECONDS)

    def _wait_for(self, missing: set[str]) -> None:
        deadline = time.monotonic() + RUNNING_SECONDS
        while missing:
            missing = missing - {sample.source_id for sample in self.samples()}
            time.sleep(0.1)
            if time.monotonic() > deadline:
                raise TimeoutError(f"no sample of {len(missing)} cameras within {RUNNING_SECONDS:g} s: {sorted(missing)[:5]}")


def by_source(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Return the samples of each camera."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[sample.source_id].append(sample)
    return found


def _sample(message: Any) -> Sample:
    headers = decode_frame_headers(cast("Any", message.headers()))
    _, handed_ms = message.timestamp()
    return Sample(headers.source_id, headers.t_ms or 0, handed_ms, message.value())

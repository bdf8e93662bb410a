"""The embedder as a child process, and a Kafka client on either side of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from encoders.pictures import Pixels
from schemas.groups import Lane, embedder_group
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.messages import Kind, Life, Source, Wanted, encode
from schemas.topics import LANES, SOURCES, TOPICS
from streaming.admin import create_topics

ROOT = Path(__file__).parents[2]


def await_that(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Return when `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not in {seconds} s"
        time.sleep(0.02)


def picture(seed: int) -> Pixels:
    """Return a picture of 128 x 72 with a colour and a gradient of its own."""
    rng = np.random.default_rng(seed)
    low, high = rng.integers(0, 256, (2, 3))
    return np.linspace(low, high, 128).astype(np.uint8)[None].repeat(72, axis=0)


def headers_of(message: Message) -> dict[str, str]:
    """Return the headers of a message as texts."""
    raw = message.headers() or []
    return {name: bytes(value).decode() for name, value in raw}  # type: ignore[str-unpack, arg-type]


class Bus:
    """What a test writes and reads on the shared broker; every reading begins where the bus was made."""

    def __init__(self, bootstrap: str) -> None:
        create_topics(bootstrap)
        self.bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
        await_that(self._led, "leaders of all partitions")
        self._starts = {topic: self.ends(topic) for topic in TOPICS}

    def _led(self) -> bool:
        try:
            return all(self.ends(topic) for topic in TOPICS)
        except KafkaException:
            return False

    def ends(self, topic: str) -> list[TopicPartition]:
        """Return the end of every partition of a topic."""
        places = [TopicPartition(topic, number) for number in range(TOPICS[topic].partitions)]
        futures = self._admin.list_offsets(dict.fromkeys(places, OffsetSpec.latest()), request_timeout=10)
        return [TopicPartition(topic, place.partition, futures[place].result(10).offset) for place in places]

    def commit(self, group: str, places: Sequence[TopicPartition]) -> None:
        """Put a group at these places."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        consumer.commit(offsets=list(places), asynchronous=False)
        consumer.close()

    def committed(self, group: str, topic: str) -> int:
        """Return the sum of a group's committed offsets."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        places = consumer.committed([TopicPartition(topic, n) for n in range(TOPICS[topic].partitions)], timeout=10)
        consumer.close()
        return sum(place.offset for place in places)

    def add_source(
        self, source_id: str, *, kind: Kind = "camera", life: int = 1, wanted: Wanted = "running", began_ms: int = 0
    ) -> None:
        """Write the wanted state of a source, as query does."""
        lives = tuple(Life(life=number, began_ms=began_ms) for number in range(1, life + 1))
        source = Source(source_id=source_id, kind=kind, life=life, lives=lives, sample_fps=1.0, wanted=wanted)
        self.write(SOURCES.name, encode(source), [("schema", b"source/1")], key=source_id)
        self.flush()

    def frame(self, lane: Lane, headers: FrameHeaders, value: bytes, partition: int | None = None) -> None:
        """Write a frame or a mark."""
        self.write(LANES[lane][0].name, value, encode_frame_headers(headers), key=headers.stream, partition=partition)

    def write(
        self, topic: str, value: bytes, headers: list[tuple[str, bytes]], *, key: str | None = None, partition: int | None = None
    ) -> None:
        """Write any record."""
        place: dict[str, Any] = {} if partition is None else {"partition": partition}
        self._producer.produce(topic, value, key, headers=list(headers), **place)
        self._producer.poll(0)

    def flush(self) -> None:
        """Return when the broker has all that was written."""
        assert self._producer.flush(30) == 0

    def read(self, topic: str, wanted: Callable[[Message], bool]) -> list[Message]:
        """Return the messages of a topic since the bus was made, partition by partition."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "t", "fetch.wait.max.ms": 20})
        starts = self._starts[topic]
        missing = sum(end.offset - start.offset for start, end in zip(starts, self.ends(topic), strict=True))
        consumer.assign(starts)
        messages: list[Message] = []
        while len(messages) < missing:
            messages += consumer.consume(min(500, missing - len(messages)), 10)
        consumer.close()
        return sorted(filter(wanted, messages), key=lambda message: (message.partition(), message.offset()))

    def arrivals(self, partition: int) -> Iterator[str]:
        """Yield the topic of each embedding of a partition of both lanes, as they come from now on."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "t", "fetch.wait.max.ms": 10})
        lanes = [LANES[lane][1].name for lane in ("live", "bulk")]
        consumer.assign([self.ends(topic)[partition] for topic in lanes])
        while message := consumer.poll(30):
            yield message.topic() or ""

    def embeddings(self, lane: Lane, source_ids: Iterable[str], space: str) -> list[Message]:
        """Return what was embedded of some sources."""
        chosen = set(source_ids)

        def wanted(message: Message) -> bool:
            headers = headers_of(message)
            return headers["source_id"] in chosen and headers["space"] == space

        return self.read(LANES[lane][1].name, wanted)


class Embedder:
    """One embedder process; `start` may be called again after `kill` or `stop`."""

    def __init__(self, bus: Bus, folder: Path, space: str, **settings: str) -> None:
        self.bus, self.space, self.log = bus, space, folder / "embedder.log"
        self.media, self.heartbeat = folder / "media", folder / "heartbeat"
        self._environ = {
            **os.environ,
            "FRAMEBUS_KAFKA": bus.bootstrap,
            "FRAMEBUS_ENCODER": str(folder),
            "FRAMEBUS_MEDIA": str(self.media),
            "FRAMEBUS_EMBEDDER_PORT": "0",
            "FRAMEBUS_EMBEDDER_THREADS": "1",
            "FRAMEBUS_EMBEDDER_HEARTBEAT": str(self.heartbeat),
            **settings,
        }
        for lane, (frames, _) in LANES.items():
            bus.commit(embedder_group("live" if lane == "live" else "bulk", space), bus.ends(frames.name))

    def start(self) -> "Embedder":
        """Start the process. It says `assigned` in its log when it has joined its groups."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "services.embedder"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self._environ, stderr=log)
        return self

    def kill(self) -> None:
        """Kill it at once."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

"""Indexers as processes on the real broker and the real Milvus, and what a test needs to look at them."""

import logging
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from pymilvus import MilvusClient, MilvusException

from encoders.folder import read_folder
from framebus.local.places import CHECKOUT
from schemas.collection import collection_name
from schemas.groups import Lane, indexer_group
from schemas.headers import encode_embedding_headers, schema_header
from schemas.messages import IndexEvent, Kind, Life, RowWritten, Source, Space, Wanted, decode, encode
from schemas.topics import INDEX_EVENTS, LANES, SOURCES, SPACES, TOPICS
from schemas.vectors import decode_vector, encode_vector
from services.indexer.core.entry import Entry
from streaming.admin import create_topics
from tests.indexer.made_logs import DIMENSION
from tests.indexer.offline import Rows
from tests.tiny_model import make_tiny_model

T = TypeVar("T")
WRONG_VALUE = b"\x00"
NOT_YET = (100, 101)
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


def await_that(condition: Callable[[], bool], seconds: float = 40.0, what: str = "the condition") -> None:
    """Return when `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(0.05)


def asked(ask: Callable[[], T]) -> T:
    """Ask Kafka until it answers: a topic or a broker that has just been made may know neither leader nor coordinator."""
    deadline = time.monotonic() + 40
    while True:
        try:
            return ask()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def as_stored(entry: Entry) -> Entry:
    """Return an entry with its vector rounded as the log rounds it."""
    if entry.vector is None:
        return entry
    return replace(entry, vector=decode_vector(encode_vector(entry.vector), len(entry.vector)))


class Bench:
    """A space and a collection of its own, groups that begin at the present end of the shared topics, and processes."""

    def __init__(self, kafka: str, milvus: str, folder: Path, *, dimension: int = DIMENSION) -> None:
        self.kafka, self.milvus = kafka, milvus
        create_topics(kafka)
        self.model = make_tiny_model(folder / "model", dimension=dimension, seed=uuid.uuid4().int % 2**31, text=False)
        self.space = read_folder(self.model).space
        self.collection = collection_name(self.space)
        self.producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "linger.ms": 5})
        self.folder = folder
        self.indexers: list[Indexer] = []
        self.say(SPACES.name, self.space, Space(space=self.space, name=self.model.name, dimension=dimension))
        for lane in ("live", "bulk"):
            self._begin_at_end(lane)

    def source(self, source_id: str, kind: Kind = "file", life: int = 1, wanted: Wanted = "running", began_ms: int = 0) -> None:
        """Make a source known, with all its lives so far."""
        lives = tuple(Life(life=number, began_ms=began_ms * (number > 1)) for number in range(1, life + 1))
        made = Source(source_id=source_id, kind=kind, life=life, lives=lives, sample_fps=2.0, wanted=wanted)
        self.say(SOURCES.name, source_id, made)

    def say(self, topic: str, key: str, message: Any) -> None:
        """Write a JSON message."""
        self.producer.produce(topic, encode(message), key, headers=list[Any](schema_header(TOPICS[topic].schema)))
        assert self.producer.flush(30) == 0

    def write(self, lane: Lane, partition: int, entries: Iterable[Entry], space: str = "") -> None:
        """Write entries into one partition, in order; by default in the bench's space."""
        topic = LANES[lane][1].name
        for entry in entries:
            headers = msgspec.structs.replace(entry.headers, space=space or self.space)
            value = b"" if headers.mark else WRONG_VALUE if entry.vector is None else encode_vector(entry.vector)
            self.producer.produce(topic, value, headers.stream, partition, headers=list[Any](encode_embedding_headers(headers)))
            self.producer.poll(0)
        assert self.producer.flush(30) == 0

    def indexer(self, lane: Lane, **settings: str) -> "Indexer":
        """Start a process."""
        made = Indexer(self, lane, settings)
        self.indexers.append(made)
        return made

    def rows(self) -> Rows:
        """Return every final row, by a strong read."""
        client = MilvusClient(uri=self.milvus)
        try:
            read = client.query(
                self.collection,
                filter="provisional == false",
                output_fields=["source_id", "life", "t_ms", "vector"],
                limit=16_384,
                consistency_level="Strong",
            )
            return {(row["source_id"], row["life"], row["t_ms"]): np.array(row["vector"]) for row in read}
        finally:
            client.close()

    def count(self) -> int:
        """Count the rows, by a strong read; 0 while the collection is not there or not loaded."""
        client = MilvusClient(uri=self.milvus)
        try:
            read = client.query(self.collection, filter="", output_fields=["count(*)"], consistency_level="Strong")
            return int(read[0]["count(*)"])
        except MilvusException as error:
            if error.code not in NOT_YET:
                raise
            return 0
        finally:
            client.close()

    def read(self, topic: str) -> list[Message]:
        """Return every message of a topic."""
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "t", "auto.offset.reset": "earliest"})
        places = [TopicPartition(topic, number, 0) for number in range(TOPICS[topic].partitions)]
        ends = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        consumer.assign(places)
        messages: list[Message] = []
        while len(messages) < ends:
            messages += consumer.consume(500, 0.2)
        consumer.close()
        return messages

    def told(self) -> list[RowWritten]:
        """Return the rows that the bus was told of in this space."""
        events = [decode(message.value() or b"", IndexEvent) for message in self.read(INDEX_EVENTS.name)]
        return [row for event in events if event.space == self.space for row in event.rows]

    def unread(self, lane: Lane) -> int:
        """Return how far the group's commits are behind the end of the lane."""
        return sum(end - place.offset for place, end in self._commits(lane))

    def stop(self) -> None:
        """Stop all processes and drop the collection."""
        for indexer in self.indexers:
            indexer.stop()
        client = MilvusClient(uri=self.milvus)
        client.drop_collection(self.collection)
        client.close()

    def _commits(self, lane: Lane) -> list[tuple[TopicPartition, int]]:
        topic = LANES[lane][1]
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": indexer_group(lane, self.space)})
        try:
            places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            ends = [asked(partial(consumer.get_watermark_offsets, place, timeout=10))[1] for place in places]
            return list(zip(asked(lambda: consumer.committed(places, timeout=10)), ends, strict=True))
        finally:
            consumer.close()

    def _begin_at_end(self, lane: Lane) -> None:
        topic = LANES[lane][1].name
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": indexer_group(lane, self.space)})
        ends = [TopicPartition(topic, place.partition, end) for place, end in self._commits(lane)]
        asked(lambda: consumer.commit(offsets=ends, asynchronous=False))
        consumer.close()


class Indexer:
    """One process of `services.indexer`."""

    def __init__(self, bench: Bench, lane: Lane, settings: dict[str, str]) -> None:
        self.lane = lane
        self.log = bench.folder / f"{lane}-{len(bench.indexers)}.log"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "FRAMEBUS_KAFKA": bench.kafka,
            "FRAMEBUS_MILVUS": bench.milvus,
            "FRAMEBUS_ENCODER": str(bench.model),
            "FRAMEBUS_INDEXER_LANE": lane,
            "FRAMEBUS_INDEXER_PORT": "0",
            "FRAMEBUS_INDEXER_SESSION_SECONDS": "2",
            "FRAMEBUS_INDEXER_CAMERA_DAYS": "36500",  # made logs begin in 1970
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        self.start()

    def start(self) -> None:
        """Start, or start again."""
        with self.log.open("a") as log:
            command = [sys.executable, "-m", "services.indexer"]
            self.process = subprocess.Popen(command, env=self._environment, cwd=CHECKOUT, stdout=log, stderr=log)

    def _listens(self) -> bool:
        caught = next(
            line for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if line.startswith("SigCgt")
        )
        return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Stop it where it is, and let it go on."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 25.0) -> int:
        """Ask it to stop once it listens to signals; return its exit code."""
        await_that(lambda: self.process.poll() is not None or self._listens(), what="a process that listens to signals")
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def kill_now_and_then(indexers: Sequence[Indexer], dice: random.Random, kills: int, gap_seconds: tuple[float, float]) -> None:
    """Kill processes at random moments and start them again at once."""
    for _ in range(kills):
        time.sleep(dice.uniform(*gap_seconds))
        victim = dice.choice(list(indexers))
        victim.kill()
        victim.start()

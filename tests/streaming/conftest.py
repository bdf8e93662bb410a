"""Topics and loops of their own for every test, on the session's real broker."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import RECUT, Topic
from streaming.admin import create_topics
from streaming.loop import Loop, Reader
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.streaming.stages import Copy

PARTITIONS = 4


def await_that(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return when `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def topic(name: str, partitions: int = PARTITIONS, policy: str = "delete") -> Topic:
    retention = None if policy == "compact" else 86_400_000
    return Topic(name, "frame/1", "stream", partitions, policy, retention, (), (), "a test")  # type: ignore[arg-type]


@dataclass
class Running:
    """A loop on a thread of its own."""

    stage: Copy
    loop: Loop
    metrics: Metrics
    stopping: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None

    def start(self) -> "Running":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.loop.run(self.stopping.is_set)
        except BaseException as failure:  # noqa: BLE001  a test looks at it
            self.failure = failure


class Bench:
    """One input topic, one output topic, a group, and the loops that a test starts on them."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        name = f"t-{uuid.uuid4().hex[:12]}"
        self.source, self.out, self.group = f"{name}-in", f"{name}-out", f"{name}-group"
        create_topics(bootstrap, [topic(self.source), topic(self.out, 1), topic(f"{self.source}.dlq", 1), RECUT])
        self.loops: list[Running] = []

    def loop(self, *, held: int = 0) -> Running:
        metrics = Metrics()
        stage = Copy(Outbox(self.bootstrap, "copy", metrics), self.source, self.out, held=held)
        made = Running(stage, Loop(self.bootstrap, [Reader(self.group, (self.source,))], stage, stage.outbox, metrics), metrics)
        self.loops.append(made)
        return made

    def write(self, values: list[str], **headers: str) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for number, value in enumerate(values):
            producer.produce(self.source, value.encode(), partition=number % PARTITIONS, headers=dict(headers))
        assert producer.flush(30) == 0

    def read(self, name: str, partitions: int = 1) -> list[object]:
        """Return every message of a topic."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "t", "auto.offset.reset": "earliest"})
        places = [TopicPartition(name, number, 0) for number in range(partitions)]
        consumer.assign(places)
        ends = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
        messages: list[object] = []
        while len(messages) < ends:
            messages += consumer.consume(min(500, ends - len(messages)), 10)
        consumer.close()
        return messages

    def copies(self) -> list[str]:
        return [message.value().decode() for message in self.read(self.out)]  # type: ignore[attr-defined]

    def committed(self) -> list[TopicPartition]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group})
        try:
            return list(consumer.committed([TopicPartition(self.source, n) for n in range(PARTITIONS)], timeout=10))
        finally:
            consumer.close()


@pytest.fixture
def bench(kafka: str) -> Iterator[Bench]:
    made = Bench(kafka)
    yield made
    for loop in made.loops:
        loop.stop()

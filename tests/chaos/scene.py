"""A fleet on topics that keep little: what is done with it, and what there is of it."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, get_args

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, OffsetSpec, ResourceType
from pymilvus import MilvusClient

from schemas.groups import Lane, embedder_group, indexer_group
from schemas.messages import Recut, decode
from schemas.topics import LANES, RECUT
from streaming.clients import admin_settings, reader_settings
from streaming.commits import processed_offset
from streaming.lag import Lag, Reading
from tests.chaos.fleet import Fleet, Ground
from tests.chaos.processes import until
from tests.chaos.records import records_of
from tests.comparison import Found, rows_of

ANSWER_SECONDS: Final = 30.0
STARTING_SECONDS: Final = 4.0
AGAIN_SECONDS: Final = 0.2


@dataclass
class Scene:
    """Servers and their services; `space` is the one that is indexed."""

    ground: Ground
    fleet: Fleet
    space: str

    def keep(self, topic: str, **settings: int) -> None:
        """Give a topic settings."""
        entries = [
            ConfigEntry(name.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        admin = AdminClient(admin_settings(self.ground.kafka))
        admin.incremental_alter_configs([resource])[resource].result(ANSWER_SECONDS)

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        """Freeze a service while the block runs."""
        standing = [worker for worker in self.fleet.workers if worker.service == service]
        for worker in standing:
            worker.busy = True
            worker.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in standing:
                worker.signal(signal.SIGCONT)
                worker.busy = False

    def start_again(self, service: str) -> None:
        """Have a service stopped, which the fleet starts again, so that it sees what topics keep now."""
        for worker in self.fleet.workers:
            if worker.service == service:
                worker.signal(signal.SIGTERM)
        self.stand(STARTING_SECONDS)

    def stand(self, seconds: float) -> None:
        """Let so much time go by."""
        self.until(lambda: False, seconds)

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Return whether a condition came true in time, and look after the fleet meanwhile."""

        def look() -> bool:
            self.fleet.look()
            return condition()

        return until(look, seconds, pause_seconds=AGAIN_SECONDS)

    def not_indexed(self, names: Sequence[str]) -> list[str]:
        """Return a line for every file that is not indexed."""
        states = {source.source_id: source.state for source in self.fleet.client.sources()}
        return [f"{name} is {states[name]}" for name in names if states[name] != "indexed"]

    def final(self, source_id: str) -> list[Found]:
        """Return the final rows of a source."""
        with closing(MilvusClient(self.ground.milvus, timeout=ANSWER_SECONDS)) as milvus:
            return [row for row in rows_of(milvus, source_id) if not row.provisional]

    def recuts(self) -> list[Recut]:
        """Return what was ever said to be lost."""
        return [decode(message.value(), Recut) for message in records_of(self.ground.kafka, RECUT.name)]

    def unread(self) -> int:
        """Return how many records of all lanes are still to be processed."""
        lanes = get_args(Lane)
        readings = [Reading(LANES[lane][0].name, embedder_group(lane, self.space)) for lane in lanes]
        readings += [Reading(LANES[lane][1].name, indexer_group(lane, self.space)) for lane in lanes]
        return sum(Lag(self.ground.kafka).unread(readings).values())

    def bounds(self, place: TopicPartition) -> tuple[int, int]:
        """Return where the log of a partition begins and ends."""
        admin = AdminClient(admin_settings(self.ground.kafka))
        start, end = (
            admin.list_offsets({place: spec}, request_timeout=ANSWER_SECONDS)[place].result(ANSWER_SECONDS).offset
            for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
        )
        return start, end

    def has_expired_unread(self, place: TopicPartition, group: str) -> bool:
        """Return whether records have left the log that a group has not processed."""
        with closing(Consumer(reader_settings(self.ground.kafka, "chaos", group))) as consumer:
            (commit,) = consumer.committed([place], timeout=ANSWER_SECONDS)
        processed = processed_offset(commit.offset, commit.metadata)
        return processed is not None and processed < self.bounds(place)[0]

    def said(self, service: str, text: str) -> list[str]:
        """Return the lines of a service that hold a text."""
        logs = sorted(self.ground.logs.glob(f"{service}-*.log"))
        return [line for log in logs for line in log.read_text(errors="replace").splitlines() if text in line]

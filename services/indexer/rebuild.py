"""Fills a new collection from the log, and gives it the alias: `python -m services.indexer.rebuild`.

It reads both lanes from their beginnings, by groups of its own, through the core and the loop of every indexer; so what it has
committed is where the indexers go on. Meanwhile they write to the old collection, which is searched. At the end the alias moves;
the indexers see that, stop, and take over (`streaming.handover`) when they are started again.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from threadpoolctl import threadpool_limits

from schemas.collection import rebuilt_name
from schemas.groups import Lane, rebuild_group
from schemas.messages import Message
from schemas.topics import CHUNK_STATUS, LANES
from services.indexer.intake import Intake
from services.indexer.metrics import METRICS
from services.indexer.registry import Registry
from services.indexer.settings import IndexerSettings
from services.indexer.stage import IndexStage
from services.indexer.start import collection_settings, model_of, prepare, until
from services.indexer.store import Store
from services.indexer.writer import Writer
from streaming import metrics as m
from streaming.errors import Unavailable
from streaming.handover import ends_of
from streaming.logs import get_logger
from streaming.loop import Loop, Reader
from streaming.main import run_service
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.settings import SettingError, read

KAFKA_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.5
TOLD_SECONDS: Final = 10.0
NEAR_RECORDS: Final = 1_000
"""So near to the end of the log the alias moves: the indexers read the rest within seconds."""
FINAL: Final = "provisional == false"
LANE_NAMES: Final[tuple[Lane, ...]] = ("live", "bulk")
EVEN_IF_FEWER, DROP_OTHERS = "--even-if-fewer", "--drop-others"
log = get_logger("rebuild")


class Unheard(Outbox):
    """Says of what is filled again only which chunks are done: no index event, no dead letter, no request a second time."""

    def send_message(self, topic: str, message: Message, *, key: str, partition: int | None = None) -> None:
        """Send a chunk's status, and nothing else."""
        if topic == CHUNK_STATUS.name:
            super().send_message(topic, message, key=key, partition=partition)

    def reject(self, record: Record, reason: str) -> None:
        """Count a record that is refused: it has its dead letter."""
        del reason
        self._metrics.of(m.REJECTED).labels(record.partition.topic).inc()


@dataclass
class Arrival:
    """Sets `stopping` when a stage has read what lay in the log when it was looked at, and little has come since."""

    kafka: str
    topics: Sequence[str]
    stage: IndexStage
    stopping: threading.Event
    arrived: bool = False

    def __post_init__(self) -> None:
        self._ends: dict[Partition, int] = {}
        self._look_at = self._tell_at = 0.0

    def look(self) -> None:
        """Look now and then."""
        now = time.monotonic()
        if now < self._look_at or self.stopping.is_set():
            return
        self._look_at = now + LOOK_SECONDS
        try:
            self._ends = self._ends or ends_of(self.kafka, self.topics)
            if self._is_reached(self._behind(self._ends)):
                self._ends = ends_of(self.kafka, self.topics)
                self.arrived = sum(self._behind(self._ends).values()) <= NEAR_RECORDS
        except Unavailable as error:
            log.warning("waiting", reason=str(error))
        if self.arrived:
            self.stopping.set()
        if now >= self._tell_at:
            self._tell_at = now + TOLD_SECONDS
            log.info("filling", unread=sum(self._behind(self._ends).values()))

    @staticmethod
    def _is_reached(behind: dict[Partition, int]) -> bool:
        """Tell whether all is read: the last place of a partition may hold a producer's commit, which is no record."""
        return all(records <= 1 for records in behind.values())

    def _behind(self, ends: dict[Partition, int]) -> dict[Partition, int]:
        processed = self.stage.processed()
        return {place: max(0, end - processed.get(place, 0)) for place, end in ends.items()}


def main(stopping: threading.Event, words: Sequence[str] = ()) -> None:
    """Fill a new collection and give it the alias. One that was asked to stop before, or has fewer rows, is dropped."""
    if unknown := set(words) - {EVEN_IF_FEWER, DROP_OTHERS}:
        raise SettingError(f"{' '.join(sorted(unknown))}: expected nothing, {EVEN_IF_FEWER}, or {DROP_OTHERS}")
    settings = read(IndexerSettings, {"FRAMEBUS_INDEXER_LANE": "bulk", **os.environ})
    model = model_of(settings)
    made_with = collection_settings(settings, model.space)
    if DROP_OTHERS in words:
        return drop_others(Store(settings.milvus, made_with, model.card.dimension))
    name = rebuilt_name(model.space, int(time.time() * 1000))
    store = Store(settings.milvus, made_with, model.card.dimension, collection=name)
    if not until(lambda: prepare(store), stopping):
        return None
    try:
        if _fill(settings, model.space, model.card.dimension, store, stopping):
            store.seal()
            check_rows(store, even_if_fewer=EVEN_IF_FEWER in words)
            store.take_name()
            log.info("filled and searched from now on", collection=name, rows=store.count(FINAL), others=store.others())
            name = ""
    finally:
        if name:
            store.drop(name)
        store.close()
    return None


def _fill(settings: IndexerSettings, space: str, dimension: int, store: Store, stopping: threading.Event) -> bool:
    """Read both lanes to their ends; False when asked to stop before."""
    threadpool_limits(1, user_api="blas")
    metrics = Metrics(METRICS)
    outbox = Unheard(settings.kafka, "rebuild", metrics)
    registry = Registry(settings.kafka, space, "bulk", outbox, metrics, auto_register=settings.auto_register)
    until(lambda: registry.read_to_end(KAFKA_SECONDS), stopping)
    writer = Writer(store, metrics, seal_rows=settings.seal_rows)
    intake = Intake(space, dimension, registry, outbox, metrics)
    topics = [LANES[lane][1].name for lane in LANE_NAMES]
    stage = IndexStage(topics, space, settings.smoothing, intake, registry, writer, outbox, metrics)
    arrival = Arrival(settings.kafka, topics, stage, stopping)
    readers = [Reader(rebuild_group(lane, store.collection), (LANES[lane][1].name,)) for lane in LANE_NAMES]
    Loop(settings.kafka, readers, stage, outbox, metrics, each_turn=(stage.follow, arrival.look)).run(stopping)
    writer.close()
    registry.close()
    return arrival.arrived


def check_rows(store: Store, *, even_if_fewer: bool) -> None:
    """Raise `SettingError` when the log holds much less than what is searched: it does not reach back as far as rows do."""
    named = store.named()
    if named is None or even_if_fewer:
        return
    rows, searched = store.count(FINAL), store.count(FINAL, collection=named)
    if rows < searched - NEAR_RECORDS:
        wrong = f"the log gives {rows} rows, and {named} has {searched}: nothing was changed"
        raise SettingError(f"{wrong}; {EVEN_IF_FEWER} does without the older ones")


def drop_others(store: Store) -> None:
    """Drop the collections of the space that are not searched."""
    named = store.named()
    if named is None:
        raise SettingError("no collection of this space is searched: nothing was dropped")
    store.collection = named
    for other in store.others():
        store.drop(other)
        log.info("dropped", collection=other)


if __name__ == "__main__":
    run_service("rebuild", lambda stopping: main(stopping, sys.argv[1:]))

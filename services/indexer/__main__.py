"""Puts an indexer together and runs it: `python -m services.indexer`."""

import os
import threading
from functools import partial
from typing import Final

from threadpoolctl import threadpool_limits

from schemas.groups import Lane, indexer_group, rebuild_group
from schemas.topics import LANES
from services.indexer import bulk, live
from services.indexer.allegiance import Allegiance
from services.indexer.expiry import Expiry
from services.indexer.frame_ends import frame_ends
from services.indexer.intake import Intake
from services.indexer.metrics import METRICS
from services.indexer.registry import Registry
from services.indexer.settings import IndexerSettings
from services.indexer.stage import IndexStage
from services.indexer.start import collection_settings, model_of, prepare, until
from services.indexer.store import Store
from services.indexer.writer import Writer
from streaming.ending import end_within
from streaming.handover import take_over
from streaming.health import HealthServer, Parts
from streaming.main import run_service
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.pulse import Pulse
from streaming.settings import read

KAFKA_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 5.0


def main(stopping: threading.Event, lane_type: type[live.LiveLane] = live.LiveLane, writer_type: type[Writer] = Writer) -> None:
    """Run one lane until `stopping` is set. The collection and the state topics are ready before the group is joined."""
    settings = read(IndexerSettings, os.environ)
    threadpool_limits(1, user_api="blas")  # products of 64 rows: waking other threads costs more than half of a sample
    model = model_of(settings)
    metrics = Metrics(METRICS)
    parts = Parts("milvus", "kafka")
    health = HealthServer(settings.port, parts, metrics, host=settings.host)
    health.start()

    store = Store(settings.milvus, collection_settings(settings, model.space), model.card.dimension)
    outbox = Outbox(settings.kafka, "indexer", metrics)
    registry = Registry(settings.kafka, model.space, settings.lane, outbox, metrics, auto_register=settings.auto_register)
    if until(lambda: prepare(store), stopping):
        parts.ready("milvus")
    if until(lambda: registry.read_to_end(KAFKA_SECONDS), stopping):
        parts.ready("kafka", registry.is_followed)

    pulse = Pulse().start()
    writer = writer_type(store, metrics, seal_rows=settings.seal_rows, is_sure=pulse.is_sure)
    intake = Intake(model.space, model.card.dimension, registry, frame_ends(settings.kafka), outbox, metrics)
    topic = LANES[settings.lane][1].name
    until(lambda: take_over(settings.kafka, topic, *_groups(settings.lane, model.space, store.collection)), stopping)
    allegiance = Allegiance(store)
    expiry = Expiry(store, registry, metrics, default_days=settings.camera_days) if settings.lane == "live" else None
    followers = [allegiance.follow, *([] if expiry is None else [expiry.follow])]
    stage = IndexStage(
        [topic], model.space, settings.smoothing, intake, registry, writer, outbox, metrics, followers, allegiance.check
    )
    run = partial(live.run, session_seconds=settings.session_seconds, lane_type=lane_type)
    if settings.lane == "bulk":
        run = partial(bulk.run)
    run(settings.kafka, model.space, stage, outbox, metrics, stopping, heartbeat=settings.heartbeat)

    watching = (allegiance,) if expiry is None else (allegiance, expiry)
    end_within(CLOSE_SECONDS, *(part.close for part in (writer, pulse, *watching, store, registry)))
    health.stop()


def _groups(lane: Lane, space: str, collection: str) -> tuple[str, str]:
    """Return the group of the indexers of a lane, and the one that has filled their collection again, if it was."""
    return indexer_group(lane, space), rebuild_group(lane, collection)


if __name__ == "__main__":
    run_service("indexer", main)

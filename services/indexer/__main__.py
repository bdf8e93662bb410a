"""Puts an indexer together and runs it: `python -m services.indexer`."""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from threadpoolctl import threadpool_limits

from encoders.errors import EncoderError
from encoders.folder import ModelFolder
from encoders.lookup import find_folder
from schemas.collection import CollectionSettings
from schemas.topics import LANES
from services.indexer import bulk, live
from services.indexer.expiry import Expiry
from services.indexer.intake import Intake
from services.indexer.metrics import METRICS
from services.indexer.registry import Registry
from services.indexer.settings import IndexerSettings
from services.indexer.stage import IndexStage
from services.indexer.store import Store, WrongCollection
from services.indexer.writer import Writer
from streaming.errors import Unavailable
from streaming.health import HealthServer, Parts
from streaming.logs import get_logger
from streaming.main import run_service
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.settings import SettingError, read

KAFKA_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 1.0
log = get_logger("indexer")


def main(stopping: threading.Event, lane_type: type[live.LiveLane] = live.LiveLane) -> None:
    """Run one lane until `stopping` is set. The collection and the state topics are ready before the group is joined."""
    settings = read(IndexerSettings, os.environ)
    threadpool_limits(1, user_api="blas")  # products of 64 rows: waking other threads costs more than half of a sample
    model = _model(settings)
    metrics = Metrics(METRICS)
    parts = Parts("milvus", "kafka")
    health = HealthServer(settings.port, parts, metrics, host=settings.host)
    health.start()

    store = Store(settings.milvus, _collection_settings(settings, model.space), model.card.dimension)
    outbox = Outbox(settings.kafka, "indexer", metrics)
    registry = Registry(settings.kafka, model.space, settings.lane, outbox, metrics, auto_register=settings.auto_register)
    if _until(lambda: _prepare(store), stopping):
        parts.ready("milvus")
    if _until(lambda: registry.read_to_end(KAFKA_SECONDS), stopping):
        parts.ready("kafka", registry.is_followed)

    writer = Writer(store, metrics, seal_rows=settings.seal_rows)
    intake = Intake(model.space, model.card.dimension, registry, outbox, metrics)
    topic = LANES[settings.lane][1].name
    expiry = Expiry(store, registry, metrics, default_days=settings.camera_days) if settings.lane == "live" else None
    stage = IndexStage(topic, model.space, settings.smoothing, intake, registry, writer, outbox, metrics, expiry)
    run = partial(live.run, session_seconds=settings.session_seconds, lane_type=lane_type)
    if settings.lane == "bulk":
        run = partial(bulk.run)
    run(settings.kafka, model.space, stage, outbox, metrics, stopping, heartbeat=settings.heartbeat)
    writer.close()
    if expiry is not None:
        expiry.close()
    store.close()
    registry.close()
    health.stop()


def _model(settings: IndexerSettings) -> ModelFolder:
    try:
        return find_folder(settings.encoder)
    except EncoderError as error:
        raise SettingError(f"FRAMEBUS_ENCODER is {settings.encoder!r}: {error}") from None


def _collection_settings(settings: IndexerSettings, space: str) -> CollectionSettings:
    return CollectionSettings(
        space=space,
        sigma_seconds=settings.sigma_seconds,
        cut_memory=settings.cut_memory,
        cut_fixed_threshold=settings.cut_fixed_threshold,
        cut_deviations=settings.cut_deviations,
    )


def _prepare(store: Store) -> None:
    try:
        store.prepare()
    except WrongCollection as error:
        raise SettingError(str(error)) from None


def _until(act: Callable[[], None], stopping: threading.Event) -> bool:
    """Call `act` until what it needs answers; False when the process is asked to stop before."""
    while not stopping.is_set():
        try:
            act()
        except Unavailable as error:
            log.warning("waiting", reason=str(error), retry_in_seconds=RETRY_SECONDS)
            stopping.wait(RETRY_SECONDS)
        else:
            return True
    return False


if __name__ == "__main__":
    run_service("indexer", main)

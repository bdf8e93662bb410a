"""Puts the embedder together and runs it: `python -m services.embedder`."""

import os
import threading
import time
from typing import Final

import numpy as np

from encoders.address import load
from encoders.encoder import Encoder
from encoders.errors import EncoderError
from schemas.groups import embedder_group, indexer_group
from schemas.messages import Source, Space
from schemas.recordings import THUMBNAILS
from schemas.topics import EMBEDDINGS_BULK, EMBEDDINGS_LIVE, FRAMES_BULK, FRAMES_LIVE, SOURCES, SPACES
from services.embedder.batching import BatchSize
from services.embedder.gpu import publish_gpus
from services.embedder.metrics import METRICS
from services.embedder.settings import EmbedderSettings
from services.embedder.sources import KnownSources
from services.embedder.stage import EmbedStage
from services.embedder.thumbnails import Thumbnails
from streaming.backlog import Backlog, WatchedBacklog
from streaming.ending import end_within
from streaming.errors import Unavailable
from streaming.health import HealthServer, Parts
from streaming.logs import get_logger
from streaming.loop import Loop, Reader
from streaming.main import run_service
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.retention import NOTHING, Unread, warn
from streaming.settings import SettingError, read
from streaming.state import StateTopic

WARM_BATCH_IMAGES: Final = 8
KAFKA_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 5.0
HEADER_BYTES: Final = 300
log = get_logger("embedder")


def main(stopping: threading.Event) -> None:
    """Run until `stopping` is set. The model is warm and its space is known before the groups are joined."""
    settings = read(EmbedderSettings, os.environ)
    metrics = Metrics(METRICS)
    parts = Parts("model", "kafka")
    health = HealthServer(settings.port, parts, metrics, host=settings.host)
    health.start()

    encoder = _load(settings)
    batch_size = BatchSize(settings.step_seconds, settings.most_images)
    _warm(encoder, batch_size)
    parts.ready("model")
    gpus = publish_gpus(metrics)
    rate = round(batch_size.images_per_second)
    log.info("encoder", space=encoder.space, backend=encoder.backend, images_per_second=rate, gpus=gpus)

    outbox = Outbox(settings.kafka, "embedder", metrics)
    sources = StateTopic(settings.kafka, SOURCES, Source)
    if not _reach_kafka(sources, encoder, outbox, stopping):
        return
    parts.ready("kafka", sources.is_followed)

    vector_bytes = 2 * encoder.dimension + HEADER_BYTES
    warn(settings.kafka, EMBEDDINGS_BULK.name, Unread(settings.unread_bound, vector_bytes, "FRAMEBUS_EMBEDDER_UNREAD_BOUND"))
    warn(settings.kafka, EMBEDDINGS_LIVE.name, NOTHING)
    groups = settings.wait_for or (indexer_group("bulk", encoder.space),)
    backlog = WatchedBacklog(Backlog(settings.kafka, EMBEDDINGS_BULK.name, groups))
    stage = EmbedStage(
        encoder,
        KnownSources(sources, outbox, metrics, auto_register=settings.auto_register),
        outbox,
        metrics,
        batch_size=batch_size,
        thumbnails=Thumbnails(settings.media / THUMBNAILS, metrics),
        unread=backlog.unread,
        unread_bound=settings.unread_bound,
        decode_threads=settings.decode_threads,
    )
    readers = (
        Reader(embedder_group("live", encoder.space), (FRAMES_LIVE.name,)),
        Reader(embedder_group("bulk", encoder.space), (FRAMES_BULK.name,)),
    )
    loop = Loop(settings.kafka, readers, stage, outbox, metrics, heartbeat=settings.heartbeat, each_turn=(sources.poll,))
    loop.run(stopping.is_set)
    end_within(CLOSE_SECONDS, stage.close, backlog.close, sources.close)
    health.stop()


def _load(settings: EmbedderSettings) -> Encoder:
    try:
        encoder = load(settings.encoder, threads=settings.threads)
        encoder.warm(texts=False)
    except EncoderError as error:
        raise SettingError(f"FRAMEBUS_ENCODER is {settings.encoder!r}: {error}") from None
    return encoder


def _warm(encoder: Encoder, batch_size: BatchSize) -> None:
    width, height = encoder.image_size
    pixels = np.zeros((WARM_BATCH_IMAGES, height, width, 3), np.uint8)
    encoder.embed_images(pixels)
    began = time.perf_counter()
    encoder.embed_images(pixels)
    batch_size.measured(WARM_BATCH_IMAGES, time.perf_counter() - began)


def _reach_kafka(sources: StateTopic[Source], encoder: Encoder, outbox: Outbox, stopping: threading.Event) -> bool:
    """Read what is known of sources and make the space known before any vector of it is sent; False when asked to stop first."""
    width, height = encoder.image_size
    space = Space(space=encoder.space, name=encoder.name, dimension=encoder.dimension, input={"width": width, "height": height})
    outbox.send_message(SPACES.name, space, key=encoder.space)
    while not stopping.is_set():
        try:
            sources.read_to_end(KAFKA_SECONDS)
            outbox.flush()
        except Unavailable as error:
            log.warning("waiting", reason=str(error))
        else:
            return True
    return False


if __name__ == "__main__":
    run_service("embedder", main)

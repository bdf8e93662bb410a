"""Every setting of the embedder."""

import os
from dataclasses import dataclass
from pathlib import Path

from schemas.limits import UNREAD_EMBEDDINGS_BULK
from streaming.settings import at_least, between, setting


@dataclass(frozen=True)
class EmbedderSettings:
    """What the embedder is told from outside."""

    encoder: str = setting(
        "FRAMEBUS_ENCODER", meaning="the encoder: pico-1 (a demonstration model), or the path of a model folder"
    )
    kafka: str = setting("FRAMEBUS_KAFKA", default="127.0.0.1:9092", meaning="Kafka bootstrap servers")
    media: Path = setting("FRAMEBUS_MEDIA", default=Path(".framebus/media"), meaning="folder: thumbnails of unrecorded sources")
    auto_register: bool = setting(
        "FRAMEBUS_AUTO_REGISTER", default=False, meaning="1: a sender with an unknown source_id is registered as kind push"
    )
    threads: int = setting(
        "FRAMEBUS_EMBEDDER_THREADS", default=os.cpu_count() or 1, meaning="threads of the model", check=at_least(1)
    )
    decode_threads: int = setting(
        "FRAMEBUS_EMBEDDER_DECODE_THREADS", default=1, meaning="threads that decode JPEGs, for each lane", check=between(1, 64)
    )
    step_seconds: float = setting(
        "FRAMEBUS_EMBEDDER_STEP_SECONDS",
        default=0.2,
        meaning="longest time of one batch: what a live frame may wait for",
        check=between(0.01, 0.2),
    )
    most_images: int = setting(
        "FRAMEBUS_EMBEDDER_BATCH_IMAGES", default=64, meaning="most pictures in one batch", check=between(1, 1024)
    )
    unread_bound: int = setting(
        "FRAMEBUS_EMBEDDER_UNREAD_BOUND",
        default=UNREAD_EMBEDDINGS_BULK,
        meaning="bulk frames wait while embeddings-bulk holds this many unread records",
        check=at_least(1),
    )
    wait_for: tuple[str, ...] = setting(
        "FRAMEBUS_EMBEDDER_WAIT_FOR",
        default=(),
        meaning="consumer groups whose unread records count, comma-separated; empty: the bulk indexer of this encoder's space",
    )
    port: int = setting(
        "FRAMEBUS_EMBEDDER_PORT",
        default=8083,
        meaning="port of /healthz, /readyz, /metrics; 0: any free",
        check=between(0, 65535),
    )
    host: str = setting("FRAMEBUS_EMBEDDER_HOST", default="127.0.0.1", meaning="address that the port is bound to")
    heartbeat: Path | None = setting(
        "FRAMEBUS_EMBEDDER_HEARTBEAT", default=None, meaning="file that the loop touches: its age is liveness"
    )

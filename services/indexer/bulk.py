"""The runner of the bulk lane: the plain loop."""

import threading
from pathlib import Path

from schemas.groups import indexer_group
from schemas.topics import EMBEDDINGS_BULK
from services.indexer.stage import IndexStage
from streaming.loop import Loop, Reader
from streaming.metrics import Metrics
from streaming.outbox import Outbox


def run(
    bootstrap: str,
    space: str,
    stage: IndexStage,
    outbox: Outbox,
    metrics: Metrics,
    stopping: threading.Event,
    *,
    heartbeat: Path | None = None,
) -> None:
    """Index `embeddings-bulk` until `stopping` is set."""
    reader = Reader(indexer_group("bulk", space), (EMBEDDINGS_BULK.name,))
    loop = Loop(bootstrap, [reader], stage, outbox, metrics, heartbeat=heartbeat, each_turn=(stage.follow,))
    loop.run(stopping.is_set)

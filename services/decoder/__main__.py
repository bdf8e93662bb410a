"""`python -m services.decoder`."""

import os
import threading
from secrets import randbelow

from schemas.groups import DECODER_CHUNKS, DECODER_OWNERSHIP
from schemas.topics import CHUNKS, FRAMES_BULK, SOURCES
from services.decoder.chunk_work import ChunkWork
from services.decoder.dealing import Dealer
from services.decoder.inspection import Inspector
from services.decoder.metrics import METRICS
from services.decoder.ownership import Ownership
from services.decoder.service import Decoder
from services.decoder.settings import DecoderSettings
from services.decoder.state import StateTopics, read_state
from streaming.backlog import Backlog
from streaming.errors import Unavailable
from streaming.health import HealthServer
from streaming.logs import get_logger
from streaming.loop import Loop, Reader
from streaming.main import run_service
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.settings import read


def run(stopping: threading.Event) -> None:
    """Put the parts together and turn the loop until `stopping` is set."""
    settings = read(DecoderSettings, os.environ)
    metrics = Metrics(METRICS)
    ready = {"kafka": False}
    health = HealthServer(settings.port, lambda: ready, metrics, host=settings.host)
    health.start()
    state = _wait_for_state(settings, stopping)
    if state is None:
        return
    outbox = Outbox(settings.kafka, "decoder", metrics)
    dealer = Dealer(settings.chunks_ahead, CHUNKS.partitions, first=randbelow(CHUNKS.partitions))
    ownership = Ownership(state, dealer, Inspector(), outbox, metrics)
    backlog = Backlog(settings.kafka, FRAMES_BULK.name, settings.wait_for)
    work = ChunkWork(state, backlog, settings.unread_frames, settings.threads, outbox, metrics)
    readers = (Reader(DECODER_OWNERSHIP, (SOURCES.name,)), Reader(DECODER_CHUNKS, (CHUNKS.name,)))
    loop = Loop(
        settings.kafka, readers, Decoder(ownership, work), outbox, metrics,
        heartbeat=settings.heartbeat, each_turn=(ownership.follow,),
    )  # fmt: skip
    ready["kafka"] = True
    loop.run(stopping)
    health.stop()


def _wait_for_state(settings: DecoderSettings, stopping: threading.Event) -> StateTopics | None:
    while not stopping.is_set():
        try:
            return read_state(settings)
        except Unavailable as error:
            get_logger("main").warning("waiting", reason=str(error))
    return None


if __name__ == "__main__":
    run_service("decoder", run)

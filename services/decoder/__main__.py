"""`python -m services.decoder`."""

import os
import threading
from pathlib import Path
from secrets import randbelow

from originals.access import Access
from originals.allocation import MemoryGuard
from schemas.groups import DECODER_CHUNKS, DECODER_OWNERSHIP
from schemas.limits import USUAL_FRAME_BYTES
from schemas.networks import parse_networks
from schemas.topics import CHUNKS, FRAMES_BULK, FRAMES_LIVE, SOURCES
from services.decoder.cameras.capture import Surroundings
from services.decoder.cameras.catching_up import CatchingUp
from services.decoder.cameras.fleet import Fleet
from services.decoder.cameras.sweeping import Limits, Sweeper
from services.decoder.chunk_work import ChunkWork
from services.decoder.dealing import Dealer
from services.decoder.inspection import Inspector
from services.decoder.metrics import METRICS
from services.decoder.ownership import Ownership
from services.decoder.service import Decoder
from services.decoder.settings import DecoderSettings
from services.decoder.state import StateTopics, kept_recordings, read_state
from streaming.backlog import Backlog
from streaming.errors import Unavailable
from streaming.health import HealthServer, Parts
from streaming.logs import get_logger
from streaming.loop import Loop, Reader
from streaming.main import run_service
from streaming.memory import FRAMES_BYTES, FreeMemory
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.retention import NOTHING, Unread, warn
from streaming.secrets import SecretStore
from streaming.settings import read


def run(stopping: threading.Event) -> None:
    """Put the parts together and turn the loop until `stopping` is set."""
    settings = read(DecoderSettings, os.environ)
    memory = FreeMemory(FRAMES_BYTES)
    guard = MemoryGuard()
    guard.start()
    metrics = Metrics(METRICS)
    parts = Parts("kafka")
    health = HealthServer(settings.port, parts, metrics, host=settings.host)
    health.start()
    state = _wait_for_state(settings, stopping)
    if state is None:
        return
    _warn_of_losses(settings)
    outbox = Outbox(settings.kafka, "decoder", metrics)
    dealer = Dealer(settings.chunks_ahead, CHUNKS.partitions, first=randbelow(CHUNKS.partitions))
    fleet = Fleet(_surroundings(settings, outbox, metrics))
    access = _access(settings)
    catching_up = CatchingUp(settings.kafka, settings.media, state.finished, dealer, metrics, state.earlier_recuts)
    ownership = Ownership(state, dealer, Inspector(access), fleet, catching_up, outbox, metrics)
    sweeper = Sweeper(settings.media, Limits(settings.keep_days, settings.disk_share), lambda: kept_recordings(state), metrics)
    sweeper.start()
    backlog = Backlog(settings.kafka, FRAMES_BULK.name, settings.wait_for)
    work = ChunkWork(state, backlog, settings.unread_frames, settings.threads, access, settings.media, outbox, metrics)
    readers = (Reader(DECODER_OWNERSHIP, (SOURCES.name,)), Reader(DECODER_CHUNKS, (CHUNKS.name,)))
    loop = Loop(
        settings.kafka, readers, Decoder(ownership, work), outbox, metrics,
        heartbeat=settings.heartbeat, each_turn=(ownership.follow, sweeper.watch, guard.watch, memory.give_back_when_due),
    )  # fmt: skip
    parts.ready("kafka", state.sources.is_followed)
    try:
        loop.run(stopping.is_set)
    finally:
        fleet.close()
    _say_the_rest(outbox)
    sweeper.stop()
    catching_up.close()
    guard.stop()
    health.stop()


def _warn_of_losses(settings: DecoderSettings) -> None:
    """Say which settings, here or of the broker, let frames leave the log before they are read."""
    if not settings.wait_for:
        get_logger("main").warning(
            "chunks begin however much is unread: an import that is faster than its readers fills frames-bulk until what nobody "
            "has read leaves the log; name the groups of the embedders", setting="FRAMEBUS_DECODER_WAIT_FOR",
        )  # fmt: skip
    warn(settings.kafka, FRAMES_BULK.name, Unread(settings.unread_frames, USUAL_FRAME_BYTES, "FRAMEBUS_DECODER_UNREAD_FRAMES"))
    warn(settings.kafka, FRAMES_LIVE.name, NOTHING)


def _access(settings: DecoderSettings) -> Access:
    roots = (settings.media, *map(Path, settings.file_roots))
    return Access(roots, parse_networks(settings.networks), SecretStore(settings.secrets))


def _surroundings(settings: DecoderSettings, outbox: Outbox, metrics: Metrics) -> Surroundings:
    networks = parse_networks(settings.networks)
    return Surroundings(outbox, metrics, SecretStore(settings.secrets), networks, settings.media)


def _say_the_rest(outbox: Outbox) -> None:
    """Captures end as partitions are given up, after the loop's last flush; what is not taken now, their next owner says."""
    try:
        outbox.flush()
    except Unavailable as error:
        get_logger("main").warning("stopping", reason=str(error))


def _wait_for_state(settings: DecoderSettings, stopping: threading.Event) -> StateTopics | None:
    while not stopping.is_set():
        try:
            return read_state(settings)
        except Unavailable as error:
            get_logger("main").warning("waiting", reason=str(error))
    return None


if __name__ == "__main__":
    run_service("decoder", run)

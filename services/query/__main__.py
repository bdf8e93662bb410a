"""`python -m services.query`: starts the parts in order, watches them, stops them in order."""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import uvicorn

from encoders.address import load
from encoders.encoder import Encoder
from encoders.errors import EncoderError
from originals.access import Access
from originals.allocation import MemoryGuard
from schemas.groups import QUERY_REQUESTS
from schemas.networks import parse_networks
from schemas.topics import SOURCE_REQUESTS
from services.query.access import Gate, KeyRing
from services.query.addresses import Allowed
from services.query.app import Services, create_app
from services.query.following import Following
from services.query.frames import FrameIntake
from services.query.heads import BoundedHeads
from services.query.media.store import MediaStore
from services.query.metrics import METRICS
from services.query.passwords import Passwords
from services.query.readiness import Readiness
from services.query.search_routes import WAITING_LIMIT
from services.query.settings import QuerySettings
from services.query.source_request import DefaultFps
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.store import Store
from services.query.sweeping import Sweep
from services.query.workshop import Workshop
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.loop import Loop, Reader
from streaming.main import run_service
from streaming.memory import FreeMemory
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore
from streaming.settings import SettingError, read

WATCH_SECONDS: Final = 0.5
POOL_THREADS: Final = 8
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
log = get_logger("query")


def main(stopping: threading.Event) -> None:
    """Serve at once, saying 503 to what cannot be answered yet; then load the model and follow the bus."""
    settings = read(QuerySettings, os.environ)
    memory = FreeMemory()
    guard = MemoryGuard()
    guard.start()
    metrics = Metrics(METRICS)
    outbox = Outbox(settings.kafka, "query", metrics)
    services = _services(settings, metrics, outbox)
    following = Following(
        settings.kafka, services.book, services.writer, services.store, outbox, services.readiness, settings.sample_fps
    )
    reader = Reader(QUERY_REQUESTS, (SOURCE_REQUESTS.name,))
    sweep = Sweep(services.media, services.passwords, services.book, services.writer, services.readiness)
    turns = (following.follow, sweep.follow, guard.watch, memory.give_back_when_due)
    loop = Loop(settings.kafka, [reader], following, outbox, metrics, heartbeat=settings.heartbeat, each_turn=turns)
    with _listen(settings) as listening:
        server = _server(services)
        threads = [
            _Watched("http", stopping, lambda: server.run(sockets=[listening])),
            _Watched("model", stopping, lambda: _warm(services.encoder, services.readiness), ends=True),
            _Watched("following", stopping, lambda: _follow(following, loop, stopping)),
        ]
        _watch(threads, stopping)
        server.should_exit = True
        for thread in reversed(threads):
            thread.join()
    services.searches.close()
    services.intake.close()
    sweep.close()
    guard.stop()
    services.media.close()
    services.store.close()


def _services(settings: QuerySettings, metrics: Metrics, outbox: Outbox) -> Services:
    ring, encoder = _key_ring(settings), _encoder(settings)
    book, readiness = SourceBook(encoder.space), Readiness()
    writer = SourceWriter(outbox, book)
    intake = FrameIntake(book, writer, outbox, readiness, auto_register=settings.auto_register, sample_fps=settings.sample_fps)
    return Services(
        book=book,
        writer=writer,
        store=Store(settings.milvus),
        encoder=encoder,
        media=MediaStore(settings.media, _access(settings)),
        gate=Gate(ring),
        readiness=readiness,
        metrics=metrics,
        searches=Workshop("searches", settings.threads, WAITING_LIMIT),
        pool=ThreadPoolExecutor(POOL_THREADS, "sources"),
        allowed=Allowed(settings.address_schemes, settings.file_roots, parse_networks(settings.source_networks)),
        default_fps=DefaultFps(settings.sample_fps, settings.camera_fps),
        passwords=Passwords(SecretStore(settings.secrets)),
        intake=intake,
        outbox=outbox,
        kafka=settings.kafka,
    )


def _access(settings: QuerySettings) -> Access:
    roots = (settings.media, *map(Path, settings.file_roots))
    return Access(roots, parse_networks(settings.source_networks), SecretStore(settings.secrets))


def _encoder(settings: QuerySettings) -> Encoder:
    try:
        encoder = load(settings.encoder, threads=1)
    except EncoderError as error:
        raise SettingError(f"FRAMEBUS_ENCODER: {error}") from None
    log.info("encoder", space=encoder.space, backend=encoder.backend)
    return encoder


def _key_ring(settings: QuerySettings) -> KeyRing:
    """Return the keys; without any, refuse to listen beyond this machine: the service would be open to everybody."""
    try:
        ring = KeyRing(settings.keys, settings.local_key)
    except ValueError as error:
        raise SettingError(f"FRAMEBUS_QUERY_KEYS or FRAMEBUS_API_KEY: {error}") from None
    if ring.is_empty and settings.host not in LOOPBACK:
        ways = "set FRAMEBUS_QUERY_KEYS or FRAMEBUS_API_KEY"
        raise SettingError(f"FRAMEBUS_QUERY_HOST is {settings.host!r}: without API keys only {' or '.join(LOOPBACK)}; {ways}")
    if ring.is_empty:
        log.warning("no API key is configured: every request is refused; set FRAMEBUS_QUERY_KEYS or FRAMEBUS_API_KEY")
    return ring


def _listen(settings: QuerySettings) -> socket.socket:
    try:
        listening = socket.create_server((settings.host, settings.port))
    except OSError as error:
        raise SettingError(f"FRAMEBUS_QUERY_PORT is {settings.port}: {error}; choose a free one, or end what uses it") from None
    log.info("listening", url=f"http://{settings.host}:{listening.getsockname()[1]}")
    return listening


class _Watched(threading.Thread):
    """A thread whose death is the death of the process; `ends` marks one that is done when its work is."""

    def __init__(self, name: str, stopping: threading.Event, work: Callable[[], None], *, ends: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._stopping, self._work, self._ends = stopping, work, ends
        self.done = False

    def run(self) -> None:
        self._work()
        self.done = self._ends or self._stopping.is_set()

    @property
    def failed(self) -> bool:
        """Whether the thread has ended though it should not have."""
        return self.ident is not None and not self.is_alive() and not self.done


def _watch(threads: list[_Watched], stopping: threading.Event) -> None:
    for thread in threads:
        thread.start()
    while not stopping.wait(WATCH_SECONDS):
        for thread in threads:
            if thread.failed:
                raise RuntimeError(f"thread {thread.name} has ended; its stack trace is above")


def _follow(following: Following, loop: Loop, stopping: threading.Event) -> None:
    while not stopping.is_set():
        try:
            following.read_to_end()
            break
        except Unavailable as error:
            log.warning("waiting", reason=str(error))
    loop.run(stopping.is_set)
    following.close()


def _warm(encoder: Encoder, readiness: Readiness) -> None:
    encoder.warm(texts=True)
    _ = encoder.background
    readiness.set("model", ready=True)


def _server(services: Services) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(services), loop="uvloop", http=BoundedHeads, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    run_service("query", main)

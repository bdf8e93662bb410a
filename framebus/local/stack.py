"""The local stack: Kafka and Milvus, the topics, the services; run in the foreground until a signal comes."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from framebus.local.children import Child
from framebus.local.display import Display
from framebus.local.errors import StackError
from framebus.local.home import Home, own_home
from framebus.local.jars import ensure_jars
from framebus.local.kafka import KafkaServer
from framebus.local.milvus import MilvusServer
from framebus.local.places import is_free, python_environment, recorded_ports, tools_folder
from framebus.local.services import PAGE, SERVICES, Service
from framebus.local.space import space_of
from framebus.local.supervisor import Supervisor
from schemas.groups import embedder_group
from streaming.admin import create_topics
from streaming.errors import Unavailable


def run_stack(
    home: Path, encoder: str, display: Display, *, environ: Mapping[str, str] = os.environ, services: Sequence[Service] = SERVICES
) -> None:
    """Start the local stack in `home`, keep it running, and stop it in order at SIGINT or SIGTERM.

    `FRAMEBUS_KAFKA` and `FRAMEBUS_MILVUS` name servers that run elsewhere: none is started then. `FRAMEBUS_QUERY_PORT` fixes
    the page's port, `FRAMEBUS_MEDIA` the media folder. Call it from the main thread, which receives the signals.

    Raises:
        StackError: it cannot start, or a process ends again and again; whatever had been started was stopped.
    """
    with own_home(home) as owned, stop_signal() as stopping:
        supervisor = Supervisor(stopping, display.rows)
        try:
            _start(owned, encoder, display, supervisor, environ, services)
            supervisor.run()
        finally:
            with phase(display, "stopped"):
                supervisor.stop()


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set."""
    stopping = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def phase(display: Display, name: str) -> Iterator[None]:
    """Tell the display how long the block took, when it ends well."""
    began = time.monotonic()
    yield
    display.phase(name, time.monotonic() - began)


@dataclass(frozen=True)
class Servers:
    """Where Kafka and Milvus answer, and those of them that this stack runs itself."""

    kafka_address: str
    milvus_address: str
    kafka: KafkaServer | None
    milvus: MilvusServer | None

    def warning(self) -> str:
        """Return what the user must know of open ports, or nothing."""
        return self.milvus.warning() if self.milvus else ""


def _start(
    home: Home, encoder: str, display: Display, supervisor: Supervisor, environ: Mapping[str, str], services: Sequence[Service]
) -> None:
    ports = service_ports(home.path / "ports.json", services, environ)
    page = f"http://127.0.0.1:{ports[PAGE]}"
    display.addresses(page, home.key())
    with phase(display, "programs"):
        space = space_of(encoder)
        servers = _servers(home, environ)
        if servers.milvus:
            home.keep_space(space)
    home.publish(
        {"url": page, "key": home.key(), "pid": os.getpid(), "kafka": servers.kafka_address, "milvus": servers.milvus_address}
    )
    with phase(display, "Kafka and Milvus"):
        supervisor.start([server.child for server in (servers.milvus, servers.kafka) if server])
    if supervisor.is_stopping():
        return
    if warning := servers.warning():
        display.warn(warning)
    with phase(display, "topics"):
        _create_topics(servers.kafka_address)
    shared = shared_environment(home, encoder, space, servers, environ)
    own = {PAGE: page_environment(home, environ)}
    programs = [service.program(ports[service.name], {**shared, **own.get(service.name, {})}, home.logs) for service in services]
    with phase(display, "services"):
        supervisor.start([Child(program) for program in programs])
    if not supervisor.is_stopping():
        display.ready()


def _servers(home: Home, environ: Mapping[str, str]) -> Servers:
    kafka, milvus = None, None
    if not environ.get("FRAMEBUS_KAFKA"):
        kafka = KafkaServer(home.path / "kafka", ensure_jars(tools_folder()), log=home.logs / "kafka.log")
    if not environ.get("FRAMEBUS_MILVUS"):
        milvus = MilvusServer(home.path / "milvus", tools_folder(), home.logs)
    return Servers(
        kafka.address if kafka else environ["FRAMEBUS_KAFKA"],
        milvus.address if milvus else environ["FRAMEBUS_MILVUS"],
        kafka,
        milvus,
    )


def _create_topics(bootstrap: str) -> None:
    try:
        create_topics(bootstrap)
    except (Unavailable, ValueError) as error:
        raise StackError(f"the topics could not be made: {error}") from error


def service_ports(record: Path, services: Sequence[Service], environ: Mapping[str, str]) -> dict[str, int]:
    """Return the port of each service: those of the last start while they are free, and the page's as the user wants it.

    Raises:
        StackError: `FRAMEBUS_QUERY_PORT` cannot be used.
    """
    ports = recorded_ports(record, tuple(service.name for service in services))
    wanted = environ.get("FRAMEBUS_QUERY_PORT")
    if not wanted:
        return ports
    if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
        raise StackError(f"FRAMEBUS_QUERY_PORT is {wanted!r}: expected a port from 1 to 65535")
    if not is_free(int(wanted)):
        raise StackError(
            f"FRAMEBUS_QUERY_PORT is {wanted} and another program listens there: choose another port, or leave it unset"
        )
    return {**ports, PAGE: int(wanted)}


def shared_environment(home: Home, encoder: str, space: str, servers: Servers, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of all services; what the user has set wins over what the launcher merely prefers."""
    preferred = {
        "FRAMEBUS_MEDIA": str(home.media),
        "FRAMEBUS_SECRETS": str(home.secrets),
        "FRAMEBUS_SOURCE_NETWORKS": "0.0.0.0/0,::/0",
        "FRAMEBUS_AUTO_REGISTER": "1",
        "FRAMEBUS_DECODER_FILE_ROOTS": file_roots(environ),
        # A chunk waits while the embedder of this stack is behind, and is done when its space has it.
        "FRAMEBUS_DECODER_WAIT_FOR": embedder_group("bulk", space),
    }
    return {
        **python_environment(environ),
        **{name: environ.get(name) or value for name, value in preferred.items()},
        "FRAMEBUS_KAFKA": servers.kafka_address,
        "FRAMEBUS_MILVUS": servers.milvus_address,
        "FRAMEBUS_ENCODER": encoder,
        "FRAMEBUS_HOME": str(home.path),
    }


def page_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the service that people and programs talk to: the key, and any file that this user can read."""
    return {
        "FRAMEBUS_API_KEY": home.key(),
        "FRAMEBUS_QUERY_FILE_ROOTS": file_roots(environ),
    }


def file_roots(environ: Mapping[str, str]) -> str:
    """Return the folders that query lets files be added from and the decoder reads them from: what this user can read."""
    return environ.get("FRAMEBUS_QUERY_FILE_ROOTS") or "/"

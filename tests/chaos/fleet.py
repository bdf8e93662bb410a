"""Everything that runs in a run: a broker, a Milvus behind a relay, several workers of each service."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from framebus.client import Client
from framebus.local.children import Child, Program
from framebus.local.errors import StackError
from framebus.local.home import Home
from framebus.local.jars import ensure_jars
from framebus.local.kafka import GroupTimeouts, KafkaServer
from framebus.local.milvus import MilvusServer
from framebus.local.places import free_ports, tools_folder
from framebus.local.services import PAGE, SERVICES
from framebus.local.space import space_of
from framebus.local.stack import Servers, page_environment, shared_environment
from streaming.admin import create_topics
from tests.chaos.processes import GRACE_SECONDS, Milvus, Process, Watch, until
from tests.chaos.relay import Relay
from tests.chaos.small_disk import Disk

WORKERS: Final[Mapping[str, int]] = {"decoder": 2, "embedder": 2, "indexer-live": 2, "indexer-bulk": 2, "query": 1}
SESSIONS: Final = GroupTimeouts(session_seconds=6.0, heartbeat_seconds=1.0, shortest_session_seconds=1.0)
FRUGAL: Final = {
    "OMP_NUM_THREADS": "1",
    "FRAMEBUS_DECODER_THREADS": "1",
    "FRAMEBUS_EMBEDDER_THREADS": "1",
    "FRAMEBUS_INDEXER_SESSION_SECONDS": "4",
}
ASKED_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Ground:
    """The servers of a run. `milvus` is the server's own address; the services take the way over `relay`."""

    folder: Path
    kafka: str
    milvus: str
    relay: Relay
    servers: tuple[Process, ...]
    disk: Disk | None

    @property
    def logs(self) -> Path:
        """The folder of all that the processes say."""
        return self.folder / "logs"

    @property
    def home(self) -> Home:
        """The folder that the services share."""
        return Home(self.folder / "home")


@contextmanager
def ground(folder: Path, *, small_disk: bool = False, broker_settings: Mapping[str, object] | None = None) -> Iterator[Ground]:
    """Start a broker and a Milvus in `folder`; stop them with the block. `small_disk`: the media store has a disk of its own.

    Raises:
        StackError: they cannot be started here.
    """
    logs = folder / "logs"
    broker = KafkaServer(folder / "kafka", ensure_jars(tools_folder()), SESSIONS, logs / "kafka.log", broker_settings)
    milvus = MilvusServer(folder / "milvus", tools_folder(), logs)
    servers = (Process("kafka", broker.child, is_server=True), Milvus(milvus))
    with ExitStack() as running:
        for server in servers:
            running.callback(server.stop)
            server.start()
        _await_ready(servers)
        create_topics(broker.address)
        socket = Path(milvus.address.removeprefix("unix:"))
        relay = running.enter_context(Relay(socket.with_name("relay.sock"), socket))
        (folder / "home").mkdir(exist_ok=True)
        disk = Disk(folder / "home" / "media") if small_disk else None
        if disk is not None:
            running.callback(disk.close)
        yield Ground(folder, broker.address, milvus.address, relay, servers, disk)


class Fleet:
    """The workers of a run, and a client of its one query; everything that still runs is killed with the block.

    `modules` names other programs for services: those that a negative control is about. `settings` are for all of them.
    """

    def __init__(
        self,
        ground: Ground,
        encoder: Path,
        workers: Mapping[str, int] = WORKERS,
        modules: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        addresses = Servers(ground.kafka, f"unix:{ground.relay.path}", None, None)
        shared = shared_environment(ground.home, str(encoder), space_of(str(encoder)), addresses, os.environ)
        self.environment, self._page = {**shared, **FRUGAL, **(settings or {})}, page_environment(ground.home, os.environ)
        self._ground, self._modules, self._numbers = ground, modules or {}, count(1)
        self.watch = Watch()
        self.workers = [self._worker(service) for service, times in workers.items() for _ in range(times)]
        (query,) = (worker for worker in self.workers if worker.service == PAGE)
        port = query.child.program.environment["FRAMEBUS_QUERY_PORT"]
        self.client = Client(
            f"http://127.0.0.1:{port}", ground.home.key(), timeout_seconds=ASKED_SECONDS, starting_seconds=0
        )  # fmt: skip

    def __enter__(self) -> Self:
        for worker in self.workers:
            worker.start()
        _await_ready(self.workers)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        for worker in self.workers:
            worker.child.kill()

    @property
    def processes(self) -> list[Process]:
        """All that faults may fall on."""
        return [*self.workers, *self._ground.servers]

    def join(self, service: str) -> Process:
        """Start one more worker of a service."""
        worker = self._worker(service)
        self.workers.append(worker)
        worker.start()
        return worker

    def look(self) -> None:
        """Notice who has ended by itself, and start it again."""
        self.watch.look(self.processes)

    def stop(self) -> list[str]:
        """Stop all workers at once, as an operator does; return what did not end as it should."""
        for worker in self.workers:
            worker.signal(signal.SIGTERM)
        ended = [(worker.name, worker.stop()) for worker in self.workers]
        return [f"{name} ended with status {status} when it was stopped" for name, status in ended if status]

    def _worker(self, service: str) -> Process:
        return Process(service, Child(self._program(service, f"{service}-{next(self._numbers)}")))

    def _program(self, service: str, name: str) -> Program:
        (known,) = (one for one in SERVICES if one.name == service)
        named = replace(known, name=name, module=self._modules.get(service, known.module))
        environment = {**self.environment, **(self._page if service == PAGE else {})}
        program = named.program(free_ports(1)[0], environment, self._ground.logs)
        return replace(program, stop_seconds=GRACE_SECONDS)


def _await_ready(processes: tuple[Process, ...] | list[Process]) -> None:
    for process in processes:
        program = process.child.program
        if not until(lambda process=process: process.child.program.is_ready(), program.ready_seconds):  # type: ignore[misc]
            raise StackError(process.child.complaint(f"is not ready after {program.ready_seconds:.0f} s"))

"""The whole local stack as a child process, as a user starts it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

from framebus.client import Client
from framebus.demo.stack import running_stack


@dataclass
class LocalStack:
    """A running stack, its client and its processes."""

    home: Path
    client: Client
    kafka: str
    milvus: str
    process: psutil.Process

    def pids(self, service: str) -> list[int]:
        """Return the processes of `decoder`, `embedder`, `indexer-live`, `indexer-bulk`, `query`."""
        name, _, lane = service.partition("-")
        found = []
        for child in self.process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it was killed a moment ago
                line = child.cmdline()
                if f"services.{name}" in line and (not lane or child.environ().get("FRAMEBUS_INDEXER_LANE") == lane):
                    found.append(child.pid)
        return found

    def kill(self, service: str) -> None:
        """Send SIGKILL to a service, which the stack starts again."""
        for pid in self.pids(service):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def local_stack(home: Path, encoder: str) -> Iterator[LocalStack]:
    """Start `framebus up`, give it when it is ready, and stop it with SIGTERM; it must then exit 0."""
    lines: list[str] = []
    with running_stack(home, lines.append, encoder=encoder) as stack:
        assert lines[0] == f"page: {stack.url}"
        assert lines[1] == f"key: {stack.key}"
        addresses = orjson.loads((home / "stack.json").read_bytes())
        with Client.local(home) as client:
            yield LocalStack(home, client, addresses["kafka"], addresses["milvus"], psutil.Process(stack.process.pid))
    assert stack.process.returncode == 0

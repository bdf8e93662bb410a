"""The whole local stack as a child process, as a user starts it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil

from framebus.client import Client, find_stack
from framebus.local.tether import tethered


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
            line = child.cmdline()
            if f"services.{name}" in line and (not lane or child.environ().get("FRAMEBUS_INDEXER_LANE") == lane):
                found.append(child.pid)
        return found

    def kill(self, service: str) -> None:
        """Send SIGKILL to a service, which the stack starts again."""
        for pid in self.pids(service):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def local_stack(home: Path, encoder: str, **environ: str) -> Iterator[LocalStack]:
    """Start `framebus up`, give it when it is ready, and stop it with SIGTERM; it must then exit 0."""
    command = (sys.executable, "-m", "framebus", "up", "--home", str(home), "--encoder", encoder)
    with (home.parent / f"{home.name}.err").open("wb") as errors:
        process = subprocess.Popen(
            tethered(command), stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environ}
        )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.strip() == "ready":
                break
        else:
            raise AssertionError(f"the stack did not start: {lines} {Path(errors.name).read_text()}")
        found = find_stack(home)
        addresses = orjson.loads((home / "stack.json").read_bytes())
        assert re.fullmatch(r"page: http://127\.0\.0\.1:\d+", lines[0])
        assert lines[1] == f"key: {found.key}"
        with Client(found.url, found.key) as client:
            yield LocalStack(home, client, addresses["kafka"], addresses["milvus"], psutil.Process(process.pid))
    finally:
        process.terminate()
        assert process.wait(60) == 0

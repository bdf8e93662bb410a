"""One more worker of a stage, started beside the stack's own as any other machine would start it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from framebus.local.places import CHECKOUT, free_ports
from tests.end_to_end.stack import LocalStack

STOP_SECONDS = 30.0  # the grace period of a pod
PORT_SETTING = {"decoder": "DECODER", "embedder": "EMBEDDER", "indexer-bulk": "INDEXER"}
GROUPS = {"decoder": 2, "embedder": 2, "indexer-bulk": 1}


@dataclass
class Worker:
    """A process of `decoder`, `embedder` or `indexer-bulk` that shares the work with the stack's own."""

    service: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def has_joined(self) -> bool:
        """Return whether it was given partitions in all its groups."""
        given = re.findall(r'"group":"([^"]+)","partitions":[1-9]', self.log.read_text())
        return len(set(given)) == GROUPS[self.service]

    def records(self, topic: str) -> float:
        """Return how many records of a topic it has read; 0 while it does not answer."""
        try:
            text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=2).text
        except httpx.TransportError:
            return 0
        found = re.search(rf'^framebus_records_total{{topic="{topic}"}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0

    def stop(self) -> float:
        """Stop it as an operator does, and return how many seconds that took; it must exit 0 in time."""
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(STOP_SECONDS) == 0, self.log.read_text()
        return time.monotonic() - began

    def kill(self) -> None:
        """End it at once."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(STOP_SECONDS) == -signal.SIGKILL, self.log.read_text()


@contextmanager
def joining(stack: LocalStack, service: str, folder: Path) -> Iterator[Worker]:
    """Start a worker with the settings of the stack's own; nothing of it is left at the end."""
    port = free_ports(1)[0]
    own = psutil.Process(stack.pids(service)[0]).environ()
    environment = {**own, f"FRAMEBUS_{PORT_SETTING[service]}_PORT": str(port)}
    log = folder / f"{service}-{port}.log"
    command = (sys.executable, "-m", f"services.{service.partition('-')[0]}")
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=output, stderr=output)
    try:
        yield Worker(service, process, port, log)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

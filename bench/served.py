"""Cameras in a process of their own: what they cost is counted apart from what reads them."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from framebus.local.places import python_environment
from framebus.local.tether import tethered

READY = "ready"


@dataclass(frozen=True)
class Served:
    """Running cameras: the address of each by its name, and the process that sends them."""

    urls: dict[str, str]
    process: psutil.Process
    commands: IO[str]


@contextmanager
def looping(clip: Path, cameras: int, name: str = "cam") -> Iterator[Served]:
    """Serve a clip as so many cameras, `NAME-1` and on, which do not send their keyframes at once."""
    with serving(("-m", "framebus.demo.camera", "--copies", str(max(2, cameras)), f"{name}={clip}")) as served:
        yield Served(dict(list(served.urls.items())[:cameras]), served.process, served.commands)


@contextmanager
def serving(program: Sequence[str]) -> Iterator[Served]:
    """Run a Python program that prints the address of each of its cameras and then `ready`; end it with the block."""
    process = subprocess.Popen(
        tethered((sys.executable, *program)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=python_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        try:
            addresses = list(iter(lambda: _line(process.stdout), READY))
            urls = {address.rpartition("/")[2]: address for address in addresses}
            yield Served(urls, psutil.Process(process.pid), process.stdin)
        finally:
            process.terminate()
            process.wait()


def _line(lines: IO[str] | None) -> str:
    line = lines.readline() if lines is not None else ""
    if not line:
        raise RuntimeError("the cameras ended before they were ready")
    return line.strip()

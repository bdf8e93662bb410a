"""Where the local stack keeps what it installs, and free ports."""

import json
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
# Below the ephemeral range (32768 and up): no outgoing connection takes a recorded port while its server is down.
PORTS: Final = range(20_000, 30_000)


def tools_folder() -> Path:
    """Return the folder for jars and unpacked servers: FRAMEBUS_TOOLS, else `.tools` of the checkout."""
    return Path(os.environ.get("FRAMEBUS_TOOLS") or CHECKOUT / ".tools").absolute()


def python_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment, this process's own by default, with the project importable by child processes."""
    paths = [str(CHECKOUT), environ.get("PYTHONPATH", "")]
    return {**environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def install_once(target: Path, fill: Callable[[Path], None]) -> Path:
    """Make folder `target` by calling `fill` with a temporary folder and renaming that: there is never a half-filled target."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        filled = Path(temporary) / "filled"
        filled.mkdir()
        fill(filled)
        try:
            filled.rename(target)
        except OSError:
            # Another process was faster; what it installed is the same.
            if not target.exists():
                raise
            shutil.rmtree(filled)
    return target


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` of the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Return `count` different free ports of the loopback interface."""
    ports: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(ports) == count:
            break
        if is_free(port):
            ports.append(port)
    return ports


def recorded_ports(record: Path, names: tuple[str, ...]) -> dict[str, int]:
    """Return a port for each name: those in the JSON file `record` while all are free, else new ones, which are recorded."""
    if record.exists():
        ports: dict[str, int] = json.loads(record.read_text())
        if set(ports) == set(names) and all(map(is_free, ports.values())):
            return ports
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    record.write_text(json.dumps(ports))
    return ports

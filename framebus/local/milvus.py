"""A real Milvus (the standalone server of the PyPI package `milvus`), fenced in, under one folder."""

import http.client
import json
import os
import socket
import sys
from pathlib import Path
from typing import Final

from framebus.local.children import Child, Program
from framebus.local.milvus_files import (
    etcd_settings,
    remove_empty_folders,
    remove_old_logs,
    short_hash,
    socket_path,
    unpack,
    write_settings,
)
from framebus.local.places import python_environment, recorded_ports

# Chosen free for servers that cannot be fenced in. The same on each start: a restarted server looks where the last one was.
PORT_NAMES: Final = (
    "proxy_port", "proxy_internal_port", "etcd_port", "root_coord_port", "query_coord_port", "query_node_port",
    "index_coord_port", "index_node_port", "data_coord_port", "data_node_port", "metrics_port",
)  # fmt: skip

MEMORY: Final = {
    # How much of what is alive, in percent, Go may allocate before it collects: Milvus takes 200 where a machine has memory left.
    "QUERYNODE_GCHELPER_MAXIMUMGOGC": "50",
    # Go keeps a record of each stack that was ever seen to allocate: 5 MB after half an hour, 7 after an hour and a quarter.
    "GODEBUG": "memprofilerate=0",
    # What C++ has freed goes back within a second. Otherwise it stays with the threads that have built and loaded indexes until
    # they allocate again. Two arenas, not four a core: what is free in one is no use to the others.
    "MALLOC_CONF": "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,narenas:2",
}
"""What makes the server take less memory and give it back. Beside 45 upserts a second it had 290 MB after two and a half minutes
with Go's 200 percent, and 218 with 40, for 15 % more processor time. Beside 80 a second what is neither Go's nor the log's write
buffer went up and down between 41 and 112 MB with jemalloc as it comes, and came to 37 in two and a half minutes so; no more time
was seen."""


class MilvusServer:
    """A Milvus whose rows live in `home`: it may be killed and started again on it.

    Attributes:
        address: what pymilvus takes as `uri`, fixed for this folder.
        child: the fence's process, which ends when the server does.
    """

    def __init__(self, home: Path, tools: Path, logs: Path | None = None) -> None:
        """Write the settings; the server's files are unpacked into `tools` once.

        Raises:
            StackError: the package `milvus` is not installed.
        """
        home = home.absolute()
        logs = logs or home / "logs"
        self._own_logs = logs / "milvus"
        self._own_logs.mkdir(parents=True, exist_ok=True)
        home.mkdir(parents=True, exist_ok=True)
        self._ports = recorded_ports(home / "ports.json", PORT_NAMES)
        write_settings(home, self._own_logs, self._ports)
        self._state = home / "fence.json"
        self._socket = socket_path(home)
        self.address = f"unix:{self._socket}"
        self.child = Child(
            Program(
                name="milvus",
                command=(
                    *self._fence(self._ports["proxy_port"]),
                    *_server(unpack(tools), self._ports["metrics_port"], f"framebus-{short_hash(home)}"),
                ),
                environment={**python_environment(), **MEMORY, "ETCD_CONFIG_PATH": str(etcd_settings(home))},
                prepare=self._prepare,
                folder=home,
                log=logs / "milvus.log",
                is_ready=lambda: answers(self._socket),
                ready_seconds=120.0,
                # Frozen for longer than its sessions live (a machine that slept), it ends itself, or stays and answers nobody.
                hung_seconds=30.0,
            )
        )

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            StackError: it ended or did not answer in time.
        """
        self.child.start()

    def stop(self) -> None:
        """Stop the server."""
        self.child.stop()

    @property
    def server_pid(self) -> int:
        """Process id of the Milvus server itself, which the fence started."""
        return int(self._fence_state()["server_pid"])

    def warning(self) -> str:
        """Return a sentence on ports that are open on every interface, nothing when the server is fenced in."""
        refused = self._fence_state()["refused"]
        if not refused:
            return ""
        interfaces = ", ".join(name for _, name in socket.if_nameindex())
        ports = ", ".join(str(port) for name, port in self._ports.items() if name != "etcd_port")
        return (
            f"Milvus answers WITHOUT a password on every network interface of this machine ({interfaces}), ports {ports}: the "
            f"system refuses the network namespace that would fence them in ({refused}). Use a firewall, or name a server in "
            f"FRAMEBUS_MILVUS."
        )

    def _prepare(self) -> None:
        self._state.unlink(missing_ok=True)
        remove_old_logs(self._own_logs)
        remove_empty_folders(self._state.parent)

    def _fence(self, port: int) -> tuple[str, ...]:
        return (
            sys.executable, "-m", "framebus.local.milvus_fence", "--parent", str(os.getpid()),
            "--port", str(port), "--socket", str(self._socket), "--state", str(self._state),
            "--run", str(self._state.with_name("run")),
        )  # fmt: skip

    def _fence_state(self) -> dict[str, str]:
        state: dict[str, str] = json.loads(self._state.read_text())
        return state


def _server(program: Path, metrics_port: int, alias: str) -> tuple[str, ...]:
    # `env`: the server's libraries are for it alone, not for the Python in front of it.
    return (
        "env", f"LD_LIBRARY_PATH={program}", "DEPLOY_MODE=STANDALONE", f"METRICS_PORT={metrics_port}",
        str(program / "milvus"), "run", "standalone", "-alias", alias,
    )  # fmt: skip


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=2)
        self._path = str(path)

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def answers(path: Path) -> bool:
    """Return whether the server behind the socket lists its collections, which needs all of its parts."""
    connection = SocketConnection(path)
    try:
        connection.request("GET", "/v1/vector/collections")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return bool(answer.get("code") == 200)

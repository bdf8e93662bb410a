"""Run a Milvus server inside its own network namespace, reachable through a Unix socket alone.

    python -m framebus.local.milvus_fence --parent PID --port N --socket PATH --state PATH --run FOLDER COMMAND...

Milvus 2.3.5 listens on every interface and cannot be told otherwise; in here the only interface is a loopback of its own.
A relay forwards connections on the socket (mode 0600) to the server's port. The server dies with this process and this
process ends with the server, so the launcher watches one process. Where the kernel refuses namespaces the server starts
unfenced, and the state file says why. Standard library only.
"""

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

from framebus.local.tether import die_with_parent

CLONE_NEWNET: Final = 0x40000000
CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 0x1
# 2.3.5 either ends within milliseconds of SIGTERM or waits for tens of seconds; its log makes killing it safe.
STOP_SECONDS: Final = 2.0
CHUNK_BYTES: Final = 256 * 1024
# Where every server of a machine keeps process ids; one refuses to start in a folder that another user made.
SHARED_RUN_FOLDERS: Final = (Path("/run/milvus"), Path("/tmp/milvus"))  # noqa: S108
LIBC: Final = ctypes.CDLL(None, use_errno=True)


def enter_namespace() -> str:
    """Move this process into network and mount namespaces of its own; return why that was refused, else nothing."""
    try:
        if os.geteuid() == 0:
            _unshare(CLONE_NEWNET | CLONE_NEWNS)
        else:
            _unshare_as_user()
        _raise_loopback()
    except OSError as error:
        return f"{error.strerror} (errno {error.errno})"
    return ""


def _unshare_as_user() -> None:
    """Take the way open to users without privileges: a user namespace that owns the others."""
    user, group = os.getuid(), os.getgid()
    _unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _unshare(flags: int) -> None:
    _check(LIBC.unshare(flags))


def _check(status: int) -> None:
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(control, SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", request, 16)
        struct.pack_into("h", request, 16, flags | IFF_UP)
        fcntl.ioctl(control, SIOCSIFFLAGS, request)


def hide_run_folders(own: Path) -> None:
    """Put folder `own` in the place of those that all Milvus servers share, for this mount namespace alone."""
    own.mkdir(exist_ok=True)
    _check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    for shared in SHARED_RUN_FOLDERS:
        with contextlib.suppress(PermissionError):
            shared.mkdir(exist_ok=True)
            _check(LIBC.mount(os.fsencode(own), os.fsencode(shared), None, MS_BIND, None))


def start_server(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the server so that it is killed when this process ends, however it ends."""
    fence = os.getpid()
    return subprocess.Popen(command, preexec_fn=lambda: die_with_parent(fence))  # noqa: PLW1509 (one thread)


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to end and kill it when it does not."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


class Relay:
    """Forwards every connection on a Unix socket to a TCP port of this namespace."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side closes it."""
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except ConnectionError:
            # The server does not listen yet, or any more: its client sees a closed connection and tries again.
            writer.close()
            return
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the reader ends, then close the writer."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def serve(server: subprocess.Popen[bytes], port: int, path: Path) -> None:
    """Relay until the server ends or SIGTERM comes."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    ended = os.pidfd_open(server.pid)
    loop.add_reader(ended, done.set)
    loop.add_signal_handler(signal.SIGTERM, done.set)
    relay = await asyncio.start_unix_server(Relay(port).forward, path)
    await done.wait()
    loop.remove_reader(ended)
    os.close(ended)
    relay.close()


def main() -> int:
    """Fence and serve; return 0 after SIGTERM, 1 when the server ended by itself."""
    arguments = _arguments()
    refused = enter_namespace()
    if not refused:
        # Some containers allow namespaces and forbid mounts; only a second user of the machine would miss them.
        with contextlib.suppress(OSError):
            hide_run_folders(arguments.run)
    # After entering: a change of user namespace clears the death signal.
    die_with_parent(arguments.parent)
    server = start_server(arguments.command)
    arguments.state.write_text(json.dumps({"server_pid": server.pid, "refused": refused}))
    arguments.socket.unlink(missing_ok=True)
    os.umask(0o177)
    asyncio.run(serve(server, arguments.port, arguments.socket))
    arguments.socket.unlink(missing_ok=True)
    if (status := server.poll()) is not None:
        print(f"the Milvus server ended with status {status}", file=sys.stderr)
        return 1
    stop_server(server)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run a Milvus server behind a Unix socket.")
    parser.add_argument("--parent", type=int, required=True, help="process id whose end ends this")
    parser.add_argument("--port", type=int, required=True, help="TCP port on which the server will listen")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--state", type=Path, required=True, help="JSON file to write: server_pid, refused")
    parser.add_argument("--run", type=Path, required=True, help="folder for the server's process ids")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the server")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

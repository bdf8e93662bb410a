"""Faults on a process and on the way to a server: begun, undone, noticed."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from framebus.local.children import Child, Program
from framebus.local.places import python_environment
from tests.chaos.processes import Process, Watch, until
from tests.chaos.relay import Relay

PATIENT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for _ in range(6000):
    time.sleep(0.1)  # Python runs no handler of a signal that comes as a sleep begins before the sleep is over
"""
SECONDS = 20.0


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    program = Program("patient", (sys.executable, "-c", PATIENT), python_environment(), tmp_path / "log", is_ready=lambda: True)
    made = Process("patient", Child(program))
    made.start()
    assert until(made.listens, SECONDS)
    yield made
    made.child.kill()


def test_a_frozen_process_is_there_and_goes_on(process: Process) -> None:
    process.signal(signal.SIGSTOP)
    assert until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, SECONDS)
    assert process.child.is_running()
    process.signal(signal.SIGCONT)
    assert until(lambda: psutil.Process(process.pid).status() != psutil.STATUS_STOPPED, SECONDS)
    assert process.stop() == 0


def test_a_frozen_process_is_stopped_in_order_and_killed_at_once(process: Process) -> None:
    process.signal(signal.SIGSTOP)
    assert process.stop() == 0
    process.start()
    process.signal(signal.SIGSTOP)
    process.kill()
    assert process.child.exit_status() == -signal.SIGKILL


def test_who_ends_by_himself_is_noted_once_and_started_again_and_who_was_killed_is_not(process: Process) -> None:
    watch = Watch()
    process.busy = True
    process.kill()
    watch.look([process])
    assert watch.ended == []
    process.busy = False

    def is_back() -> bool:
        watch.look([process])
        return process.child.is_running()

    assert until(is_back, SECONDS)
    assert len(watch.ended) == 1


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Path]:
    """A server that gives back what it gets."""
    path = tmp_path / "echo.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    while piece := connection.recv(1024):
                        connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(SECONDS)
    connection.connect(str(path))
    return connection


def test_a_relay_forwards_is_slow_refuses_and_is_back(echo: Path, tmp_path: Path) -> None:
    with Relay(tmp_path / "relay.sock", echo) as relay:
        with connected(relay.path) as connection:
            connection.sendall(b"hello")
            assert connection.recv(10) == b"hello"
            relay.delay_seconds, began = 0.1, time.monotonic()
            connection.sendall(b"slow")
            assert connection.recv(10) == b"slow"
            assert time.monotonic() - began >= 0.2
            relay.delay_seconds = 0.0
            relay.refuse()
            assert connection.recv(10) == b""
        assert not relay.path.exists()
        relay.accept()
        with connected(relay.path) as connection:
            connection.sendall(b"again")
            assert connection.recv(10) == b"again"

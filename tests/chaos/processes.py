"""Processes that faults fall on, each by its own handle."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from framebus.local.children import Child
from framebus.local.milvus import MilvusServer

GRACE_SECONDS: Final = 30.0
"""The grace period of a pod: who is asked to leave must have left by then."""
DEAD_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 2.0


class Process:
    """One process of a service, or a server.

    Attributes:
        service: what faults call it.
        busy: a fault is on it, or it has not come back from one: none other begins.
        faults: how many fell on it.
    """

    def __init__(self, service: str, child: Child, *, is_server: bool = False) -> None:
        self.service, self.child, self.busy, self.faults = service, child, False, 0
        self._is_server = is_server

    @property
    def name(self) -> str:
        """Its name in logs and reports."""
        return self.child.program.name

    @property
    def pid(self) -> int:
        """The process that signals go to."""
        return self.child.pid

    def can_take(self, kind: str) -> bool:
        """Return whether a fault can begin: it runs, a server answers, and who is asked to leave listens to signals."""
        if self.busy or not self.child.is_running():
            return False
        if self._is_server:
            return self.child.program.is_ready()
        return kind != "leave" or self.listens()

    def listens(self) -> bool:
        """Return whether it handles SIGTERM: while Python starts it would just end."""
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
            caught = next(line for line in lines if line.startswith("SigCgt"))
            return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
        return False

    def is_back(self) -> bool:
        """Return whether it is there again after it was killed: a server must answer, a service may be killed while it starts."""
        return self.child.is_running() and (not self._is_server or self.child.program.is_ready())

    def start(self) -> None:
        """Start it, or start it again."""
        self.child.spawn()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.signal(signal.SIGKILL)
        assert self.child.process is not None
        self.child.process.wait(DEAD_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def stop(self) -> int | None:
        """Stop it as an operator does, frozen or not; return its exit status, −9 when it took too long, None if it was gone."""
        if not self.child.is_running():
            return None
        self.signal(signal.SIGCONT)
        self.child.stop()
        return self.child.exit_status()


class Milvus(Process):
    """Milvus: signals go to the server itself, which the process of its fence has started and follows into the end."""

    def __init__(self, server: MilvusServer) -> None:
        super().__init__("milvus", server.child, is_server=True)
        self._server = server

    @property
    def pid(self) -> int:
        """The server; its fence where that has not started it yet."""
        try:
            return self._server.server_pid
        except (OSError, ValueError):
            return self.child.pid

    def stop(self) -> int | None:
        """End it at once: what it keeps is not looked at again."""
        self.signal(signal.SIGCONT)
        self.child.stop()
        return None


class Watch:
    """Notices processes that end, or answer nobody, although no fault is on them; starts them again as a local stack does."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self._due: dict[Process, float] = {}
        self._answered: dict[Process, float] = {}
        self._look_at = 0.0

    def look(self, processes: list[Process]) -> None:
        """Note who has ended by itself; start again whoever ended a second ago."""
        now = time.monotonic()
        for process in processes:
            status = process.child.exit_status()
            if process.busy or status is None:
                continue
            if process not in self._due:
                self.ended.append(process.child.ended(status))
                self._due[process] = now + AGAIN_SECONDS
            elif now >= self._due[process]:
                del self._due[process]
                process.start()
                self._answered[process] = now + process.child.program.ready_seconds
        if now >= self._look_at:
            self._end_hung(processes, now)
            self._look_at = time.monotonic() + LOOK_SECONDS

    def _end_hung(self, processes: list[Process], now: float) -> None:
        for process in processes:
            hung_seconds = process.child.program.hung_seconds
            if hung_seconds is None:
                continue
            if process.busy or not process.child.is_running() or process.child.program.is_ready():
                self._answered[process] = now
            elif now - self._answered.setdefault(process, now) > hung_seconds:
                self.ended.append(f"{process.name} has not answered for {hung_seconds:.0f} s and was killed")
                process.child.kill()
                self._due[process] = now


def until(condition: Callable[[], bool], seconds: float, *, pause_seconds: float = 0.1) -> bool:
    """Return whether `condition` came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True


def now_ms() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000

"""Keeps child processes running: starts them in order, restarts what ends, stops them in reverse order.

One thread does everything in turns (`turn`), so there is one owner of all processes and nothing to lock.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from framebus.local.children import Child
from framebus.local.errors import StackError

State = Literal["waiting", "starting", "ready", "not ready", "restarting", "stopped"]

BACKOFF_FIRST_SECONDS: Final = 0.5
BACKOFF_LONGEST_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 30.0
START_ATTEMPTS: Final = 3
TURN_SECONDS: Final = 0.2
PROBE_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Row:
    """One process as a status table shows it. `remark` says why it ended last."""

    name: str
    state: State
    pid: int
    restarts: int
    remark: str


def backoff_seconds(failures: int) -> float:
    """Return how long to wait before start number `failures` + 1: doubling from half a second, at most half a minute."""
    return float(min(BACKOFF_LONGEST_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** (failures - 1)))


class Watch:
    """One child and what is known of it. Every method takes the time as a value, in seconds of any steady clock."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.state: State = "waiting"
        self.failures = 0
        self._restarts = 0
        self._remark = ""
        self._due = 0.0
        self._began = 0.0
        self._ready_at = 0.0

    def row(self) -> Row:
        """Return what a table shows."""
        pid = self.child.pid if self.child.is_running() else 0
        return Row(self.child.program.name, self.state, pid, self._restarts, self._remark)

    def start(self, now: float) -> None:
        """Start the process."""
        self.child.spawn()
        self.state, self._began, self._due = "starting", now, now

    def look(self, now: float) -> None:
        """Notice its death, restart it when that is due, ask it whether it is ready."""
        if self.state in ("waiting", "stopped"):
            return
        if self.state == "restarting":
            if now >= self._due:
                self._restarts += 1
                self.start(now)
        elif (status := self.child.exit_status()) is not None:
            self._ended(now, self.child.ended(status))
        elif now >= self._due:
            self._probe(now)

    def is_late(self, now: float) -> bool:
        """Return whether it has been starting for longer than its program allows."""
        return self.state == "starting" and now - self._began > self.child.program.ready_seconds

    def stop(self) -> None:
        """Stop the process."""
        self.child.stop()
        self.state = "stopped"

    def _ended(self, now: float, remark: str) -> None:
        self.failures = 1 if self.state != "starting" and now - self._began > STEADY_SECONDS else self.failures + 1
        self._remark = remark
        self.state, self._due = "restarting", now + backoff_seconds(self.failures)

    def _probe(self, now: float) -> None:
        if self.child.program.is_ready():
            self.state, self._due, self._ready_at = "ready", now + PROBE_SECONDS, now
        elif self.state == "ready":
            self.state, self._due = "not ready", now
        elif self.state == "not ready" and self._hangs(now):
            self.child.kill()
            self._ended(now, self.child.complaint(f"has not answered for {now - self._ready_at:.0f} s and was killed"))

    def _hangs(self, now: float) -> bool:
        hung_seconds = self.child.program.hung_seconds
        return hung_seconds is not None and now - self._ready_at > hung_seconds


class Supervisor:
    """Several children. `changed` is called with the whole table whenever a row changes."""

    def __init__(self, stopping: threading.Event, changed: Callable[[list[Row]], None]) -> None:
        self._stopping = stopping
        self._changed = changed
        self._watches: list[Watch] = []
        self._rows: list[Row] = []

    def start(self, children: Sequence[Child]) -> None:
        """Start children side by side and wait until all are ready, or until the stop was asked for.

        Raises:
            StackError: one of them does not get ready in time, or ends again and again.
        """
        watches = [Watch(child) for child in children]
        self._watches += watches
        for watch in watches:
            watch.start(time.monotonic())
        while not self._stopping.is_set() and any(watch.state != "ready" for watch in watches):
            self._turn()
            for watch in watches:
                _check_start(watch, time.monotonic())

    def run(self) -> None:
        """Keep all children running until the stop is asked for."""
        while not self._stopping.is_set():
            self._turn()

    def is_stopping(self) -> bool:
        """Return whether the stop was asked for."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Stop all children, the last started first, each within its program's bound."""
        for watch in reversed(self._watches):
            watch.stop()
            self._tell()

    def _turn(self) -> None:
        for watch in self._watches:
            watch.look(time.monotonic())
        self._tell()
        self._stopping.wait(TURN_SECONDS)

    def _tell(self) -> None:
        rows = [watch.row() for watch in self._watches]
        if rows != self._rows:
            self._rows = rows
            self._changed(rows)


def _check_start(watch: Watch, now: float) -> None:
    if watch.failures >= START_ATTEMPTS:
        raise StackError(f"{watch.row().remark}, {watch.failures} times in a row")
    if watch.is_late(now):
        raise StackError(watch.child.complaint(f"is not ready after {watch.child.program.ready_seconds:.0f} s"))

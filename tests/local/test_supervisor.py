"""The supervisor starts children in order, restarts what ends, stops in reverse order, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from framebus.local.children import Child, Program
from framebus.local.errors import StackError
from framebus.local.places import CHECKOUT, free_ports, python_environment
from framebus.local.services import Service
from framebus.local.supervisor import Row, Supervisor, Watch, backoff_seconds

SECONDS = 20.0


def service(name: str, folder: Path, **environment: str) -> Program:
    own = {"TINY_NAME": name, "TINY_ORDER": str(folder / "order"), **environment}
    described = Service(name, "tests.local.tiny_service", "TINY_PORT", own)
    return replace(described.program(free_ports(1)[0], python_environment(), folder), ready_seconds=SECONDS)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


class Table:
    """The last rows that the supervisor told."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def changed(self, rows: list[Row]) -> None:
        self.rows = rows


@contextmanager
def running(*programs: Program) -> Iterator[Table]:
    """Run a supervisor on a thread of its own, which also starts the children."""
    stopping, table = threading.Event(), Table()
    supervisor = Supervisor(stopping, table.changed)

    def body() -> None:
        supervisor.start([Child(program) for program in programs])
        supervisor.run()
        supervisor.stop()

    thread = threading.Thread(target=body)
    thread.start()
    try:
        eventually(lambda: bool(table.rows) and all(row.state == "ready" for row in table.rows))
        yield table
    finally:
        stopping.set()
        thread.join()


def test_the_wait_before_a_restart_doubles_up_to_half_a_minute() -> None:
    assert [backoff_seconds(failures) for failures in (1, 2, 3, 6, 7, 50)] == [0.5, 1, 2, 16, 30, 30]


def test_children_stop_in_reverse_order(tmp_path: Path) -> None:
    with running(*(service(name, tmp_path) for name in ("first", "second", "third"))) as table:
        assert [row.name for row in table.rows] == ["first", "second", "third"]
    assert [row.state for row in table.rows] == ["stopped"] * 3
    assert (tmp_path / "order").read_text().split() == ["third", "second", "first"]


def test_a_child_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with running(service("victim", tmp_path), service("other", tmp_path)) as table:
        before = {row.name: row.pid for row in table.rows}
        os.kill(before["victim"], signal.SIGKILL)
        eventually(lambda: table.rows[0].restarts == 1 and table.rows[0].state == "ready")
        assert table.rows[0].pid != before["victim"]
        assert "victim was killed" in table.rows[0].remark
        assert (table.rows[1].pid, table.rows[1].restarts) == (before["other"], 0)


def test_a_child_that_cannot_start_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "fire").touch()
    supervisor = Supervisor(threading.Event(), Table().changed)
    with pytest.raises(StackError, match=r"broken ended with status 1: the camera is on fire .* 3 times in a row"):
        supervisor.start([Child(service("broken", tmp_path, TINY_FAILS=str(tmp_path / "fire")))])
    supervisor.stop()


def test_a_child_that_never_gets_ready_ends_the_start(tmp_path: Path) -> None:
    deaf = replace(service("deaf", tmp_path), is_ready=lambda: False, ready_seconds=0.5)
    supervisor = Supervisor(threading.Event(), Table().changed)
    with pytest.raises(StackError, match="deaf is not ready after 0 s"):
        supervisor.start([Child(deaf)])
    supervisor.stop()


def test_restarts_wait_longer_while_a_child_keeps_failing(tmp_path: Path) -> None:
    """With time as a value: each death is noticed at once, each restart waits for its turn."""
    (tmp_path / "fire").touch()
    watch = Watch(Child(service("broken", tmp_path, TINY_FAILS=str(tmp_path / "fire"))))
    now = 1000.0
    watch.start(now)
    for wait in (0.5, 1.0, 2.0):
        eventually(lambda: not watch.child.is_running())
        watch.look(now)
        assert watch.row().state == "restarting"
        watch.look(now + wait - 0.01)
        assert watch.row().state == "restarting"
        now += wait
        watch.look(now)
        assert watch.row().state == "starting"
    watch.stop()


def test_a_child_that_was_ready_and_answers_no_more_is_started_again(tmp_path: Path) -> None:
    answers = [True, False, False]
    watch = Watch(Child(replace(service("frozen", tmp_path), is_ready=lambda: answers.pop(0), hung_seconds=30.0)))
    watch.start(1000.0)
    watch.look(1000.0)
    watch.look(1005.0)
    assert watch.row().state == "not ready"
    watch.look(1030.1)
    assert watch.row().state == "restarting"
    assert "frozen has not answered for 30 s and was killed" in watch.row().remark
    watch.stop()


def test_a_child_that_ignores_sigterm_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    stubborn = (
        sys.executable,
        "-c",
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
    )
    log = tmp_path / "log"
    child = Child(
        replace(
            service("stubborn", tmp_path), command=stubborn, log=log, is_ready=lambda: b"up" in log.read_bytes(), stop_seconds=0.3
        )
    )
    child.start()
    child.stop()
    assert child.exit_status() == -signal.SIGKILL


PARENT = """
import sys, time
from pathlib import Path
from framebus.local.children import Child, Program
child = Child(Program("sleeper", ("sleep", "60"), {"PATH": "/usr/bin:/bin"}, Path(sys.argv[1]), lambda: True))
child.spawn()
print(child.pid, flush=True)
time.sleep(60)
"""


def test_children_die_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)

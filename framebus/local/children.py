"""One program as data, and one child process that runs it: start, wait until it is ready, notice its death, stop."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from framebus.local.errors import StackError
from framebus.local.last_words import last_words
from framebus.local.tether import tethered

LOG_LIMIT_BYTES: Final = 20 * 1024 * 1024
POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Program:
    """What to run and how to tell that it is ready.

    `is_ready` asks the running program and returns within about two seconds, without raising; `prepare` runs before each start.
    A program that was ready and is not for `hung_seconds` is ended and started again; None: it comes back by itself.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    is_ready: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None
    folder: Path | None = None
    ready_seconds: float = 60.0
    stop_seconds: float = 10.0
    hung_seconds: float | None = None


@dataclass
class Child:
    """The process of one program. It dies with the launcher, whatever ends that."""

    program: Program
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def spawn(self) -> None:
        """Start the process; its output is appended to the program's log."""
        log = self.program.log
        rotate(log)
        self.program.prepare()
        with log.open("ab") as output:
            # A session of its own: Ctrl-C reaches the launcher alone, which stops the children in order.
            self.process = subprocess.Popen(
                tethered(self.program.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.program.environment),
                cwd=self.program.folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id; 0 when it has not been started."""
        return self.process.pid if self.process else 0

    def exit_status(self) -> int | None:
        """Return the exit status of a process that has ended (−9: killed by signal 9), None while it runs."""
        return self.process.poll() if self.process else None

    def is_running(self) -> bool:
        """Return whether the process was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process and wait until the program is ready.

        Raises:
            StackError: it ended, or was not ready in time; the text holds the end of its log.
        """
        self.spawn()
        deadline = time.monotonic() + self.program.ready_seconds
        while not self.program.is_ready():
            if (status := self.exit_status()) is not None:
                raise StackError(self.ended(status))
            if time.monotonic() > deadline:
                raise StackError(self.complaint(f"is not ready after {self.program.ready_seconds:.0f} s"))
            time.sleep(POLL_SECONDS)

    def complaint(self, what: str) -> str:
        """Return a line that says what happened to this program and what it said last."""
        return f"{self.program.name} {what}: {last_words(self.program.log)} (log: {self.program.log})"

    def ended(self, status: int) -> str:
        """Return a line that says how this program ended; who is killed has had no time to say why."""
        if status == -signal.SIGKILL:
            return f"{self.program.name} was killed (log: {self.program.log})"
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return self.complaint(how)

    def stop(self) -> None:
        """Ask the process to end and kill it when `stop_seconds` have passed."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.program.stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process at once (SIGKILL)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def rotate(log: Path) -> None:
    """Keep one older log when `log` has grown past its limit, and make its folder."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))

"""The local stack of the demonstration: `framebus up` as a child process, stopped in order whatever happens here."""

import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from framebus.client import find_stack
from framebus.local.places import python_environment
from framebus.local.tether import tethered

READY = "ready"
NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


class StackDidNotStart(Exception):  # noqa: N818  it is what happened
    """`framebus up` ended before it was ready; the text is what it said."""


@dataclass(frozen=True)
class RunningStack:
    """The stack, and the process that runs it."""

    url: str
    key: str
    process: subprocess.Popen[str]

    def wait(self) -> None:
        """Return when the stack ends by itself, or at Ctrl-C."""
        with suppress(KeyboardInterrupt):
            self.process.wait()


@contextmanager
def running_stack(
    home: Path, tell: Callable[[str], None], *, encoder: str = "pico-1", settings: Mapping[str, str] = NO_SETTINGS
) -> Iterator[RunningStack]:
    """Start the stack in `home`, yield it when it is ready, stop it at the end. `tell` gets each line that `up` prints.

    `settings` of services, FRAMEBUS_..., and of Milvus count beside those of the environment.

    Raises `StackDidNotStart` with what `up` said when it ended instead.
    """
    command = (sys.executable, "-m", "framebus", "up", "--home", str(home), "--encoder", encoder)
    with tempfile.TemporaryFile("w+") as errors:
        # A session of its own: Ctrl-C reaches the demonstration alone, which then stops the stack once and waits for it.
        process = subprocess.Popen(
            tethered(command, signal.SIGTERM),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**python_environment(), **settings},
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout as lines:
            drain = threading.Thread(target=deque, args=(lines, 0), daemon=True)
            try:
                if not _becomes_ready(lines, tell):
                    process.wait()
                    errors.seek(0)
                    raise StackDidNotStart(errors.read().strip())
                drain.start()
                stack = find_stack(home.absolute())
                yield RunningStack(stack.url, stack.key, process)
            finally:
                process.terminate()
                process.wait()
                if drain.ident is not None:
                    drain.join()


def _becomes_ready(lines: IO[str], tell: Callable[[str], None]) -> bool:
    for line in lines:
        if line.strip() == READY:
            return True
        tell(line.strip())
    return False

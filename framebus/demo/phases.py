"""The demonstration's phases: each printed with its seconds, a spinner while it runs on a terminal."""

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from rich.console import Console
from rich.status import Status
from rich.text import Text

T = TypeVar("T")


class Phases:
    """Prints what is being done. One phase at a time."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._status: Status | None = None
        self._doing = ""
        self._steps: list[str] = []

    @contextmanager
    def phase(self, doing: str, done: str, *, spinner: bool = True) -> Iterator[None]:
        """Show `doing` while the body runs and `done` with its seconds after it; `spinner` off where the body draws itself."""
        began = time.monotonic()
        self._doing, self._steps = doing, []
        with ExitStack() as stack:
            if spinner and self._screen.is_terminal:
                self._status = stack.enter_context(self._screen.status(f"{doing} …"))
            else:
                self._screen.print(f"{doing} …", style="dim")
            yield
        self._status = None
        seconds = f"{time.monotonic() - began:.1f} s"
        steps = f"  ({', '.join(self._steps)})" if self._steps else ""
        self._screen.print(Text.assemble(("✓ ", "green"), done, (f"  {seconds}{steps}", "dim")))

    @contextmanager
    def entered(self, context: AbstractContextManager[T], entering: tuple[str, str], leaving: tuple[str, str]) -> Iterator[T]:
        """Enter a context as one phase and leave it as another; the body runs between them."""
        with ExitStack() as stack:
            with self.phase(*entering):
                value = stack.enter_context(context)
            try:
                yield value
            finally:
                with self.phase(*leaving):
                    stack.close()

    def note(self, step: str) -> None:
        """Have something said beside the phase when it is done."""
        self._steps.append(step)

    def tell(self, line: str) -> None:
        """Take a line that `framebus up` prints: the seconds of a step are shown beside the phase, a warning at once."""
        if re.fullmatch(r"[A-Za-z ]+: [0-9.]+ s", line):
            self._steps.append(line.replace(":", ""))
        elif not line.startswith(("page: ", "key: ")):
            self._screen.print(line, style="yellow")
        if self._status is not None:
            self._status.update(f"{self._doing} … [dim]{', '.join(self._steps)}[/]")

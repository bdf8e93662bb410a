"""The demonstration's phases: each printed with its seconds, a spinner while it runs on a terminal."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from rich.console import Console
from rich.status import Status

T = TypeVar("T")


class Phases:
    """Prints what is being done. One phase at a time."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._status: Status | None = None

    @contextmanager
    def phase(self, doing: str, done: str, *, spinner: bool = True) -> Iterator[None]:
        """Show `doing` while the body runs and `done` with its seconds after it; `spinner` off where the body draws itself."""
        began = time.monotonic()
        self._status = self._screen.status(f"{doing} …") if spinner and self._screen.is_terminal else None
        if self._status is None:
            self._screen.print(f"{doing} …", style="dim")
        else:
            self._status.start()
        try:
            yield
        finally:
            if self._status is not None:
                self._status.stop()
                self._status = None
        self._screen.print(f"[green]✓[/] {done} [dim]{time.monotonic() - began:.1f} s[/]", markup=True)

    @contextmanager
    def entered(self, context: AbstractContextManager[T], doing: str, done: str) -> Iterator[T]:
        """Enter a context as a phase; the body runs after it."""
        with ExitStack() as stack:
            with self.phase(doing, done):
                value = stack.enter_context(context)
            yield value

    def tell(self, doing: str) -> None:
        """Say what the phase is doing now."""
        if self._status is not None:
            self._status.update(f"{doing} …")

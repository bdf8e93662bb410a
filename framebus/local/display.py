"""What the launcher tells while it runs, and the display for a pipe or a file."""

import sys
from typing import Protocol, TextIO

from framebus.local.supervisor import Row


class Display(Protocol):
    """Hears, in this order: the addresses, phases and warnings of the start, `ready`; and rows at any time."""

    def addresses(self, page: str, key: str) -> None:
        """Show where the stack will answer, and the key that it takes."""

    def phase(self, name: str, seconds: float) -> None:
        """Show that a phase of the start or the stop is over, and how long it took."""

    def warn(self, text: str) -> None:
        """Show something that the user must know."""

    def ready(self) -> None:
        """Show that every part answers."""

    def rows(self, rows: list[Row]) -> None:
        """Show the state of all processes; called whenever one changes."""


class PlainLines:
    """One line for each event; of the rows, only what ends and is started again."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        self._restarts: dict[str, int] = {}

    def addresses(self, page: str, key: str) -> None:
        """Print the page's address and the key."""
        self._line(f"page: {page}")
        self._line(f"key: {key}")

    def phase(self, name: str, seconds: float) -> None:
        """Print the phase."""
        self._line(f"{name}: {seconds:.1f} s")

    def warn(self, text: str) -> None:
        """Print the warning."""
        self._line(f"WARNING: {text}")

    def ready(self) -> None:
        """Print `ready`."""
        self._line("ready")

    def rows(self, rows: list[Row]) -> None:
        """Print each restart once."""
        for row in rows:
            if row.restarts > self._restarts.get(row.name, 0):
                self._line(f"restarted: {row.remark}")
            self._restarts[row.name] = row.restarts

    def _line(self, text: str) -> None:
        print(text, file=self._output, flush=True)

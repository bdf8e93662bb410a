"""The live table of `framebus up`: what the launcher tells, as one picture that is drawn again at each change."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from framebus.local.supervisor import Row

STYLES: Final[Mapping[str, str]] = {
    "waiting": "dim",
    "starting": "cyan",
    "ready": "green",
    "not ready": "bold yellow",
    "restarting": "bold red",
    "stopped": "dim",
}


class LiveTable:
    """A `Display` for a terminal. As a context manager it holds the screen's last lines."""

    def __init__(self, screen: Console, home: Path) -> None:
        self._home = home
        self._page = ""
        self._key = ""
        self._phases: list[tuple[str, float]] = []
        self._warnings: list[str] = []
        self._rows: Sequence[Row] = ()
        self._is_ready = False
        self._live = Live(console=screen, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.__enter__()
        self._draw()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def addresses(self, page: str, key: str) -> None:
        """Show where the stack will answer, and the key that it takes."""
        self._page, self._key = page, key
        self._draw()

    def phase(self, name: str, seconds: float) -> None:
        """Show that a phase of the start or the stop is over."""
        self._phases.append((name, seconds))
        self._is_ready = self._is_ready and name != "stopped"
        self._draw()

    def warn(self, text: str) -> None:
        """Show something that the user must know."""
        self._warnings.append(text)
        self._draw()

    def ready(self) -> None:
        """Show that every part answers."""
        self._is_ready = True
        self._draw()

    def rows(self, rows: list[Row]) -> None:
        """Show the state of all processes."""
        self._rows = rows
        self._draw()

    def _draw(self) -> None:
        self._live.update(Group(*self._parts()))

    def _parts(self) -> list[RenderableType]:
        parts: list[RenderableType] = [Text("Framebus", "bold"), Text(f"home  {self._home}", "dim", overflow="fold")]
        if self._page:
            address = f"{self._page}/#key={self._key}"
            parts.append(Text.assemble("page  ", (address, f"cyan underline link {address}" if self._is_ready else "dim")))
        if self._rows:
            parts.append(processes_table(self._rows))
        parts += [Text(warning, "bold yellow") for warning in self._warnings]
        if self._phases:
            parts.append(Text(" · ".join(f"{name} {seconds:.1f} s" for name, seconds in self._phases), "dim"))
        return [*parts, self._ending()]

    def _ending(self) -> RenderableType:
        if self._is_ready:
            return Text(
                "Ready. Add videos with `framebus add`, search on the page; Ctrl-C stops everything in order.", "bold green"
            )
        if self._phases and self._phases[-1][0] == "stopped":
            return Text("Stopped.", "bold")
        return Spinner("dots", "starting; the first time takes longer …")


def processes_table(rows: Sequence[Row]) -> Table:
    """Return one line a process; why it ended last only where one did."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("process", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("pid", justify="right", no_wrap=True)
    restarted = any(row.restarts or row.remark for row in rows)
    if restarted:
        table.add_column("restarts", justify="right", no_wrap=True)
        table.add_column("last end", overflow="fold")
    for row in rows:
        ends = (str(row.restarts or ""), row.remark) if restarted else ()
        table.add_row(row.name, Text(row.state, STYLES[row.state]), str(row.pid or ""), *ends)
    return table

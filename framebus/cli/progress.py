"""Progress of sources: bars on a terminal, a line for each change elsewhere."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from framebus.cli.tables import by_state, grouped, percent, state_text
from framebus.client import Source

BARS_SHOWN: Final = 20
BAR_COLUMNS: Final = 32
STEPS_SHOWN: Final = 4
"""Without a terminal a file gets a line at each quarter."""


def follow(steps: Iterable[list[Source]], screen: Console) -> Iterator[list[Source]]:
    """Show each step of `Client.wait` and pass it on."""
    return _bars(steps, screen) if screen.is_terminal else _lines(steps, screen)


def _bars(steps: Iterable[list[Source]], screen: Console) -> Iterator[list[Source]]:
    with Live(console=screen, refresh_per_second=8, transient=True) as live:
        shown: list[Source] = []
        for shown in steps:
            live.update(bars(shown))
            yield shown
    if shown:
        screen.print(bars(shown))


def bars(sources: Sequence[Source]) -> RenderableType:
    """Return one bar a source; of many, those that are being worked on first."""
    first = sorted(sources, key=lambda source: source.settled) if len(sources) > BARS_SHOWN else sources
    grid = Table.grid(padding=(0, 2))
    for source in first[:BARS_SHOWN]:
        style = "red" if source.state == "failed" else "green" if _done(source) == 1.0 else "cyan"
        bar = ProgressBar(total=1.0, completed=_done(source), width=BAR_COLUMNS, complete_style=style, finished_style=style)
        said = source.error or (f"{grouped(source.rows)} rows" if source.rows else "")
        done = Text(percent(_done(source)).rjust(5))
        grid.add_row(Text(source.source_id, "bold"), bar, done, state_text(source.state), Text(said, "dim"))
    if len(sources) <= BARS_SHOWN:
        return grid
    return Group(grid, Text(by_state(sources), "dim"))


def _done(source: Source) -> float:
    """Return how far a bar is: full for an indexed file, and for a live source whose rows come in."""
    if source.state == "indexed" or (source.state == "running" and source.settled):
        return 1.0
    return min(source.progress or 0.0, 0.99)


def _lines(steps: Iterable[list[Source]], screen: Console) -> Iterator[list[Source]]:
    told: dict[str, tuple[str, int, str | None]] = {}
    for sources in steps:
        for source in sources:
            step = (source.state, int(_done(source) * STEPS_SHOWN), source.error)
            if told.get(source.source_id) != step:
                told[source.source_id] = step
                error = f"  {source.error}" if source.error else ""
                screen.print(f"{source.source_id} {source.state} {percent(_done(source))}{error}")
        yield sources

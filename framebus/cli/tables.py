"""Results as tables for people. Pure: structs in, renderables out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from framebus.cli.moments import span
from framebus.client import Hit, Source

STYLES: Final[Mapping[str, str]] = {
    "waiting": "dim",
    "running": "cyan",
    "catching-up": "yellow",
    "paused": "yellow",
    "indexed": "green",
    "failed": "bold red",
}


def state_text(state: str) -> Text:
    """Return a state in its colour."""
    return Text(state, STYLES.get(state, ""))


def percent(progress: float | None) -> str:
    """Return a done part as `45 %`; nothing where it is unknown."""
    return "" if progress is None else f"{int(progress * 100)} %"


def grouped(number: int | None) -> str:
    """Return a count with thousands apart; nothing where it is unknown."""
    return "" if number is None else f"{number:,}"


def by_state(sources: Sequence[Source]) -> str:
    """Return `3 sources: 2 indexed, 1 failed`."""
    counts = Counter[str](source.state for source in sources)
    states = ", ".join(f"{counts[state]:,} {state}" for state in STYLES if counts[state])
    return f"{len(sources):,} source{'' if len(sources) == 1 else 's'}" + (f": {states}" if states else "")


def sources_table(sources: Sequence[Source]) -> Table:
    """Return one line a source; a column that would be empty is left out."""
    live = any(source.kind != "file" for source in sources)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("source", overflow="fold")
    for title in ("kind", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("done", "rows"):
        table.add_column(title, justify="right", no_wrap=True)
    if live:
        table.add_column("samples/s", justify="right", no_wrap=True)
        table.add_column("last sample", no_wrap=True)
    table.add_column("error" if any(source.error for source in sources) else "name", overflow="fold")
    for source in sources:
        rate = "" if source.samples_per_second is None else f"{source.samples_per_second:.1f}"
        moving = (rate, source.last_sample_at or "") if live else ()
        remark = Text(source.error, "red") if source.error else Text(source.name)
        state = state_text(source.state)
        table.add_row(source.source_id, source.kind, state, percent(source.progress), grouped(source.rows), *moving, remark)
    return table


def hits_table(hits: Sequence[Hit], *, found: bool, names: Mapping[str, str] = {}) -> Table:
    """Return one line a hit, best first; dim where nothing was found. A column that would be empty is left out."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, row_styles=[] if found else ["dim"])
    table.add_column("", justify="right", style="dim")
    table.add_column("source", style="bold" if found else "", overflow="fold")
    table.add_column("when", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    dated = any(hit.captured_at for hit in hits)
    named = any(names.get(hit.source_id) for hit in hits)
    if dated:
        table.add_column("captured", no_wrap=True)
    if named:
        table.add_column("name", overflow="ellipsis")
    for number, hit in enumerate(hits, start=1):
        captured = [hit.captured_at or ""] if dated else []
        name = [names.get(hit.source_id, "")] if named else []
        table.add_row(str(number), hit.source_id, span(hit.start_ms, hit.end_ms), f"{hit.score:.3f}", *captured, *name)
    return table

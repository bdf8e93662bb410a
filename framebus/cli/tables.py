"""Results as tables for people. Pure: structs in, renderables out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from framebus.cli.moments import age, milliseconds, span
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


LIVE_COLUMNS: Final = ("since", "samples/s", "last sample", "to index")


def sources_table(sources: Sequence[Source], now_ms: int) -> Table:
    """Return one line a source; columns that would be empty are left out."""
    live, files = (any((source.kind == "file") is of_file for source in sources) for of_file in (False, True))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("source", overflow="fold")
    for title in ("kind", "state"):
        table.add_column(title, no_wrap=True)
    for title in ("done", "rows") if files else ():
        table.add_column(title, justify="right", no_wrap=True)
    for title in LIVE_COLUMNS if live else ():
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("error" if any(source.error for source in sources) else "name", overflow="fold")
    for source in sources:
        read = (percent(source.progress), grouped(source.rows)) if files else ()
        moving = _moving(source, now_ms) if live else ()
        remark = Text(source.error, "red") if source.error else Text(source.name)
        state = state_text(source.state)
        table.add_row(source.source_id, source.kind, state, *read, *moving, remark)
    return table


def _moving(source: Source, now_ms: int) -> tuple[str, str, str, str]:
    """Return the columns of a live source; empty for a file."""
    if source.kind == "file":
        return "", "", "", ""
    since = "" if source.since_ms is None else age(source.since_ms, now_ms)
    rate = "" if source.samples_per_second is None else f"{source.samples_per_second:.1f}"
    last = "" if source.last_sample_at is None else f"{age(milliseconds(source.last_sample_at), now_ms)} ago"
    return since, rate, last, "" if source.searchable_seconds is None else f"{source.searchable_seconds:.1f} s"


def live_summary(sources: Sequence[Source], now_ms: int) -> str:
    """Return what many live sources do together, and the one that is furthest behind; nothing where none has a row."""
    dated = [(milliseconds(one.last_sample_at), one) for one in sources if one.kind != "file" and one.last_sample_at is not None]
    if not dated:
        return ""
    oldest_ms, last = min(dated, key=lambda pair: pair[0])
    rate = sum(one.samples_per_second or 0.0 for _, one in dated)
    return f"live: {rate:,.1f} samples/s; the last sample of {last.source_id} is the oldest, {age(oldest_ms, now_ms)} ago"


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

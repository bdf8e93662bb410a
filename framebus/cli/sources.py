"""`framebus sources`."""

import time
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Console

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.screen import console, print_json
from framebus.cli.tables import by_state, live_summary, sources_table
from framebus.client import Source

LONG_LIST: Final = 50
SHOWN_OF_LONG_LIST: Final = 20

app = application()


@app.command()
def sources(
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """List sources: state, how much of a file is done, rows in the index, and the last error.

    States are waiting, running, catching-up, paused, indexed and failed; a file is indexed when every row can be found.
    Of a camera: since when it is in its state, samples a second, how old the last one is, and how long it took into the index.
    Of more than 50 sources it prints a summary, what has an error and what is being worked on.
    """
    with connect(home) as client:
        listed = client.sources()
    if as_json:
        print_json({"sources": listed})
    else:
        show(console(), listed, int(time.time() * 1000))


def show(screen: Console, listed: Sequence[Source], now_ms: int) -> None:
    """Print sources as a table, or the summary of a long list."""
    if not listed:
        screen.print("No sources yet: add one with `framebus add FILE` or `framebus add rtsp://...`.")
    elif len(listed) <= LONG_LIST:
        screen.print(sources_table(listed, now_ms))
        screen.print(by_state(listed))
    else:
        _show_long(screen, listed, now_ms)


def _show_long(screen: Console, listed: Sequence[Source], now_ms: int) -> None:
    screen.print(by_state(listed))
    if live := live_summary(listed, now_ms):
        screen.print(live)
    troubled = [source for source in listed if source.error]
    worked_on = [source for source in listed if source.state in _moving_states(source) and not source.error]
    for chosen in (troubled, worked_on):
        if chosen:
            screen.print(sources_table(chosen[:SHOWN_OF_LONG_LIST], now_ms))
        if len(chosen) > SHOWN_OF_LONG_LIST:
            screen.print(f"… and {len(chosen) - SHOWN_OF_LONG_LIST:,} more; --json lists all")


def _moving_states(source: Source) -> tuple[str, ...]:
    """Return the states of work that will end: a live source that runs needs no attention."""
    return ("running", "catching-up") if source.kind == "file" else ("catching-up",)

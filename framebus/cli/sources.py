"""`framebus sources`."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Console

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.screen import console, print_json
from framebus.cli.tables import by_state, sources_table
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
    Of more than 50 sources it prints a summary, what has an error and what is being worked on.
    """
    with connect(home) as client:
        listed = client.sources()
    if as_json:
        print_json({"sources": listed})
    else:
        show(console(), listed)


def show(screen: Console, listed: Sequence[Source]) -> None:
    """Print sources as a table, or the summary of a long list."""
    if not listed:
        screen.print("No sources yet: add one with `framebus add FILE`.")
    elif len(listed) <= LONG_LIST:
        screen.print(sources_table(listed))
        screen.print(by_state(listed))
    else:
        _show_long(screen, listed)


def _show_long(screen: Console, listed: Sequence[Source]) -> None:
    screen.print(by_state(listed))
    troubled = [source for source in listed if source.error]
    worked_on = [source for source in listed if source.state in ("running", "catching-up") and not source.error]
    for chosen in (troubled, worked_on):
        if chosen:
            screen.print(sources_table(chosen[:SHOWN_OF_LONG_LIST]))
        if len(chosen) > SHOWN_OF_LONG_LIST:
            screen.print(f"… and {len(chosen) - SHOWN_OF_LONG_LIST:,} more; --json lists all")

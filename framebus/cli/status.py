"""`framebus status`."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.failure import FAILED
from framebus.cli.screen import console, print_json
from framebus.cli.tables import by_state, grouped
from framebus.client import Source

app = application()


@app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    home: HomeOption = None,
) -> int:
    """Show the whole stack at a glance: what is ready, the sources by state, and the rows in the index.

    Exits with 1 when a part of the stack is not ready.
    """
    with connect(home) as client:
        readiness = client.readiness()
        listed = client.sources() if readiness.ready else []
        url = client.url
    if as_json:
        print_json({"url": url, **msgspec.structs.asdict(readiness), "sources": listed})
    else:
        show(console(), url, readiness.parts, listed)
    return 0 if readiness.ready else FAILED


def show(screen: Console, url: str, parts: Mapping[str, bool], listed: list[Source]) -> None:
    """Print the stack at a glance."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_row("page", url)
    for name, is_ready in parts.items():
        table.add_row(name, Text("ready", "green") if is_ready else Text("not ready", "bold red"))
    table.add_row("sources", by_state(listed))
    table.add_row("rows", grouped(sum(source.rows or 0 for source in listed)))
    screen.print(table)

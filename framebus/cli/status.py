"""`framebus status`."""

from collections.abc import Mapping, Sequence
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
from framebus.client import Client, FramebusError, Source, StackStatus
from framebus.client.results import Unread

app = application()


@app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    home: HomeOption = None,
) -> int:
    """Show the whole stack at a glance: what is ready, sources by state, rows, what waits to be read, dead letters.

    `unread` lists the topics that a service is behind with: it falls to nothing when all is done. Exits with 1 when a part
    of the stack is not ready.
    """
    with connect(home) as client:
        readiness = client.readiness()
        listed = client.sources() if readiness.ready else []
        stack = look(client) if readiness.ready else StackStatus()
        url = client.url
    if as_json:
        stated = msgspec.structs.asdict(stack)
        print_json({"url": url, **msgspec.structs.asdict(readiness), **stated, "sources": listed})
    else:
        show(console(), url, readiness.parts, listed, stack)
    return 0 if readiness.ready else FAILED


def look(client: Client) -> StackStatus:
    """Return what Kafka and Milvus say; nothing for a key that may not ask."""
    try:
        return client.status()
    except FramebusError as error:
        if error.status != 403:
            raise
        return StackStatus()


def show(screen: Console, url: str, parts: Mapping[str, bool], listed: Sequence[Source], stack: StackStatus) -> None:
    """Print the stack at a glance."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_row("page", url)
    for name, is_ready in parts.items():
        table.add_row(name, Text("ready", "green") if is_ready else Text("not ready", "bold red"))
    table.add_row("sources", by_state(listed))
    for name, said in _of_stack(stack, listed).items():
        table.add_row(name, said)
    screen.print(table)


def _of_stack(stack: StackStatus, listed: Sequence[Source]) -> dict[str, str | Text]:
    rows = stack.index.rows if stack.index else sum(source.rows or 0 for source in listed)
    said: dict[str, str | Text] = {"rows": grouped(rows)}
    if stack.index:
        said["space"] = stack.index.space
    if stack.kafka:
        said["brokers"] = ", ".join(stack.kafka.brokers)
        said["unread"] = _backlogs(stack.kafka.unread)
        said["dead letters"] = _dead_letters(stack.kafka.dead_letters)
    return said


def _backlogs(unread: Sequence[Unread]) -> str:
    """Return a line for each group that is behind."""
    behind = [f"{grouped(one.records)} of {one.topic} by {one.group}" for one in unread if one.records]
    return "\n".join(behind) or "nothing"


def _dead_letters(counts: Mapping[str, int]) -> Text:
    kept = [f"{grouped(count)} of {topic}" for topic, count in counts.items() if count]
    if not kept:
        return Text("none")
    return Text("\n".join([*kept, "`framebus deadletters list` says why"]), "yellow")

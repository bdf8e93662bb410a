"""`framebus up`."""

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from framebus.cli.application import application
from framebus.cli.connection import HomeOption
from framebus.cli.failure import Failure
from framebus.cli.launch import LiveTable
from framebus.cli.screen import console
from framebus.client import home_folder
from framebus.local.display import PlainLines
from framebus.local.errors import StackError
from framebus.local.stack import run_stack

SHIPPED_ENCODER: Final = "pico-1"

app = application()


@app.command()
def up(
    *,
    home: HomeOption = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", metavar="ADDRESS", help="A shipped model or a model folder; else FRAMEBUS_ENCODER, else pico-1."
        ),
    ] = None,
) -> None:
    """Start the local stack in the foreground: a Kafka broker, Milvus and the services. Ctrl-C stops them in order.

    Everything it keeps is in the home folder and is there again the next time. Without a terminal it prints plain lines:
    first `page: http://127.0.0.1:PORT`, then `key: fb_...`, and `ready` when everything answers.

    FRAMEBUS_KAFKA and FRAMEBUS_MILVUS name servers that run elsewhere, FRAMEBUS_QUERY_PORT the port of the page.
    """
    folder = home_folder(home, os.environ)
    address = encoder or os.environ.get("FRAMEBUS_ENCODER") or SHIPPED_ENCODER
    try:
        start(folder, address)
    except StackError as error:
        raise Failure("framebus up", str(error)) from None


def start(home: Path, encoder: str) -> None:
    """Run the stack until a signal, shown as a live table on a terminal and as plain lines elsewhere."""
    screen = console()
    if not screen.is_terminal:
        run_stack(home, encoder, PlainLines())
        return
    with LiveTable(screen, home) as table:
        run_stack(home, encoder, table)

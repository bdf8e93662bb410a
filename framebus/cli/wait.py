"""`framebus wait`."""

from collections import deque
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.failure import FAILED, Failure
from framebus.cli.progress import follow
from framebus.cli.screen import complain, console
from framebus.cli.tables import by_state
from framebus.client import Client, Source

app = application()


@app.command()
def wait(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Sources to wait for; all files when none is given.")
    ] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Give up after this time.")] = None,
    home: HomeOption = None,
) -> int:
    """Wait, with progress bars, until files are indexed: every row is confirmed by the index and can be found.

    A camera never ends; one that is named is waited for until it runs and its first row can be found.
    Exits with 1 when a source failed (and says why), is paused, is not known, or is not done in time.
    """
    with connect(home) as client:
        final = settle(client, ids or [], timeout, console())
    for source in final:
        if source.state in ("failed", "paused"):
            complain(f"{source.source_id}: {source.error or source.state}")
    return FAILED if any(source.state in ("failed", "paused") for source in final) else 0


def settle(client: Client, ids: Sequence[str], timeout_seconds: float | None, screen: Console) -> list[Source]:
    """Follow sources on the screen until all are settled, and return how they ended."""
    try:
        final = deque(follow(client.wait(ids, timeout_seconds), screen), maxlen=1).pop()
    except TimeoutError as error:
        raise Failure("framebus wait", str(error), "`framebus sources` shows how far they are") from None
    screen.print(by_state(final) if final else "No files to wait for: add one with `framebus add FILE`.")
    return final

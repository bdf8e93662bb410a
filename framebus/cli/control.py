"""`framebus pause`, `framebus resume` and `framebus remove`."""

from collections.abc import Callable
from typing import Annotated

import typer

from framebus.cli.application import application
from framebus.cli.connection import HomeOption, connect
from framebus.cli.failure import FAILED
from framebus.cli.screen import complain
from framebus.client import Client, FramebusError, NoStackError, Removal

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids, as `framebus sources` lists them.")]

pause_app = application()
resume_app = application()
remove_app = application()


@pause_app.command()
def pause(ids: Ids, home: HomeOption = None) -> int:
    """Stop reading sources. What is in the index stays and is found; `framebus resume` goes on."""
    with connect(home) as client:
        return _each(ids, lambda one: f"{one}: {client.pause(one).state}")


@resume_app.command()
def resume(ids: Ids, home: HomeOption = None) -> int:
    """Go on reading paused sources, where they were stopped."""
    with connect(home) as client:
        return _each(ids, lambda one: f"{one}: {client.resume(one).state}")


@remove_app.command()
def remove(ids: Ids, home: HomeOption = None) -> int:
    """Delete sources with their rows, thumbnails and recorded media, and say what was deleted.

    A video file of yours stays where it is. Frames in Kafka's log are dropped by its retention.
    """
    with connect(home) as client:
        return _each(ids, lambda one: _removed(client, one))


def _removed(client: Client, source_id: str) -> str:
    return f"{source_id}: removed{deleted(client.remove(source_id))}"


def deleted(removal: Removal) -> str:
    """Return what a removal deleted, as the end of a sentence."""
    counts = {"rows": removal.rows, "stored media files": removal.media_files}
    said = [f"{count:,} {what}" for what, count in counts.items() if count is not None]
    if removal.media_files and removal.media_bytes:
        said[-1] += f" ({removal.media_bytes / 1e6:,.1f} MB)"
    return f": {', '.join(said)}" if said else ""


def _each(ids: list[str], act: Callable[[str], str]) -> int:
    failed = False
    for one in ids:
        try:
            print(act(one))
        except NoStackError:
            raise
        except FramebusError as error:
            complain(f"{one}: {error}")
            failed = True
    return FAILED if failed else 0

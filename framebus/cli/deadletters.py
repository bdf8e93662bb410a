"""`framebus deadletters`."""

from typing import Annotated

import typer

from framebus.cli.application import application
from framebus.cli.failure import not_yet

INSTEAD = "the records and their reasons (header dlq_reason) are in Kafka's topics that end in .dlq"

Topic = Annotated[str | None, typer.Argument(metavar="TOPIC", help="One topic, for example frames-live.")]

app = application("Records that could not be processed: a dead letter keeps the bytes, the place and the reason.")


@app.command("list")
def list_command(topic: Topic = None) -> None:
    """Count them by topic and reason (not available yet)."""
    raise not_yet("framebus deadletters list", INSTEAD)


@app.command("show")
def show_command(topic: Topic = None) -> None:
    """Show the newest and why (not available yet)."""
    raise not_yet("framebus deadletters show", INSTEAD)


@app.command("replay")
def replay_command(topic: Topic = None) -> None:
    """Send dead letters again (not available yet)."""
    raise not_yet("framebus deadletters replay")

"""Every command of `framebus`, as data: what it is called, what it does, which module runs it.

`framebus --help` prints this table and imports nothing else; a command's module is imported when it runs.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Command:
    """One command. `app` is `module:name` of its typer application; None is not available yet."""

    name: str
    arguments: str
    summary: str
    app: str | None = None


SECTIONS: Final[dict[str, tuple[Command, ...]]] = {
    "The stack": (
        Command("up", "", "start the local stack here; Ctrl-C stops it", "framebus.cli.up:app"),
        Command("status", "", "the whole stack at a glance", "framebus.cli.status:app"),
        Command("config", "[SERVICE]", "settings of a service: values, where they came from, meaning", "framebus.cli.config:app"),
        Command("deadletters", "list|show|replay", "records that could not be processed", "framebus.cli.deadletters:app"),
        Command("reset", "", "delete rows, topics and media of a stopped stack", "framebus.cli.reset:app"),
    ),
    "Sources": (
        Command("add", "ADDRESS...", "add video files, folders, URLs or cameras", "framebus.cli.add:app"),
        Command("sources", "", "state, progress, freshness and last error of each source", "framebus.cli.sources:app"),
        Command("wait", "[ID...]", "progress bars until files can be searched", "framebus.cli.wait:app"),
        Command("pause", "ID...", "stop reading sources; their rows stay", "framebus.cli.control:pause_app"),
        Command("resume", "ID...", "go on reading paused sources", "framebus.cli.control:resume_app"),
        Command("remove", "ID...", "delete sources with their rows and recorded media", "framebus.cli.control:remove_app"),
    ),
    "Search": (
        Command("search", '"TEXT"', "find the seconds that show it, by words, a picture or both", "framebus.cli.search:app"),
        Command("encoder", "check ADDRESS", "check an encoder before it is used", "framebus.cli.encoder:app"),
    ),
    "Not available yet": (
        Command("spaces", "ACTION", "change the encoder without losing search"),
        Command("export", "--parquet DIR", "keys, spans, vectors and labels as files"),
        Command("evaluate", "", "retrieval and moment metrics against truth"),
        Command("probes", "ACTION", "standing queries and classifiers"),
        Command("keys", "ACTION", "API keys"),
    ),
}  # fmt: skip

COMMANDS: Final[dict[str, Command]] = {command.name: command for section in SECTIONS.values() for command in section}

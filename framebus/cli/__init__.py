"""The command line. `main` is the entry point: it finds the command in the table and imports that one alone."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from framebus.cli.commands import COMMANDS, Command
from framebus.cli.failure import Failure, bad_usage, not_yet
from framebus.cli.overview import absence, overview

INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 not understood."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("--help", "-h", "help"):
        print(overview())
        return 0
    try:
        return _run(words[0], words[1:])
    except Failure as failure:
        _complain(failure)
        return failure.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(name: str, words: list[str]) -> int:
    command = COMMANDS.get(name)
    if command is None:
        raise bad_usage(f"framebus {name}", "no such command", _suggestion(name))
    if command.app is None:
        return _absent(command, words)
    module, _, attribute = command.app.partition(":")
    application = getattr(import_module(module), attribute)
    return int(import_module("framebus.cli.application").run(name, application, words))


def _absent(command: Command, words: list[str]) -> int:
    if "--help" in words:
        print(absence(command))
        return 0
    raise not_yet(f"framebus {command.name}")


def _suggestion(name: str) -> str:
    close = [one for one in COMMANDS if one.startswith(name[:3])]
    return f"did you mean `framebus {close[0]}`?" if close else "`framebus --help` lists all commands"


def _complain(failure: Failure) -> None:
    print(f"{failure.given}: {failure.wrong}", file=sys.stderr)
    if failure.remedy:
        print(f"  {failure.remedy}", file=sys.stderr)

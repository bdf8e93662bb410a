"""The two streams that a command writes to."""

import os
import sys
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console

PIPE_WIDTH: Final = 200
"""Columns of a table that goes to a file or a pipe: nothing is cut for a terminal that is not there."""


def console(stream: TextIO | None = None) -> Console:
    """Return the console of a stream, standard output by default."""
    stream = stream or sys.stdout
    narrow = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if narrow else PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a result as indented JSON."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def complain(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr)

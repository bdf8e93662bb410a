"""The two streams that a command writes to."""

import os
import re
import sys
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console

PIPE_WIDTH: Final = 200
"""Columns of a table that goes to a file or a pipe: nothing is cut for a terminal that is not there."""


CONTROLS: Final = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What JSON leaves as it is and a terminal may obey: DEL, the C1 controls, and the marks that turn the direction of a text."""


def console(stream: TextIO | None = None) -> Console:
    """Return the console of a stream, standard output by default."""
    stream = stream or sys.stdout
    narrow = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if narrow else PIPE_WIDTH, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print a result as indented JSON, in which no character is left that a terminal obeys."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    print(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def printable(text: str) -> str:
    """Return a text of a stranger in one line, in which what does not print is spelled out: a terminal obeys nothing of it."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode() for one in text)


def complain(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr)

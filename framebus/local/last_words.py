"""What a program said last, for a person: the line that its log ends with, without the log's form."""

from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import orjson

TAIL_BYTES: Final = 16_384
LONGEST: Final = 300
ABOUT: Final = frozenset({"event", "level", "timestamp", "service", "part", "exception"})
"""Fields of a structured line that are its form; the others are what it is about."""
DUMP: Final = "(most recent call first):"
"""What `faulthandler` writes before each thread's stack, which is the other way round than that of an exception."""


def last_words(log: Path) -> str:
    """Return what the last line of a log says, at most 300 characters."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    lines = [line.strip() for line in lines if line.strip()] or ["nothing in its log"]
    said = _where_it_stood(lines) or _said(lines[-1])
    return said if len(said) <= LONGEST else said[:LONGEST] + " …"


def _where_it_stood(lines: list[str]) -> str | None:
    """Return the innermost frame of the last stack in a dump that the log ends with, if it does: that of the main thread."""
    frames = len(list(takewhile(lambda line: line.startswith("File "), reversed(lines))))
    head = lines[-frames - 1 : -frames]
    return f"stood at {lines[-frames]}" if frames and head and head[0].endswith(DUMP) else None


def _said(line: str) -> str:
    """Return a line of our own services as `event: reason`, and any other as it is."""
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    return _sentence(fields) if isinstance(fields, dict) and "event" in fields else line


def _sentence(fields: dict[str, Any]) -> str:
    if trace := str(fields.get("exception") or "").strip():
        return f"{fields['event']}: {trace.splitlines()[-1]}"
    about = fields.get("reason") or fields.get("error")
    if about is None:
        about = ", ".join(f"{name} {value}" for name, value in fields.items() if name not in ABOUT)
    return f"{fields['event']}: {about}" if about else str(fields["event"])

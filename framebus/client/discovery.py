"""Where the local stack is: `framebus up` leaves its address, key and process id in `stack.json` of its home folder."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from framebus.client.errors import NoStackError

STACK_FILE: Final = "stack.json"


class Stack(msgspec.Struct, frozen=True):
    """A running local stack: the address of its HTTP API, its key, and the process that owns it."""

    url: str
    key: str
    pid: int


def home_folder(home: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the home folder: the one given, else FRAMEBUS_HOME, else `.framebus` in the working directory."""
    return (home or Path(environ.get("FRAMEBUS_HOME") or ".framebus")).expanduser().absolute()


def find_stack(home: Path) -> Stack:
    """Return the stack that runs in `home`, or the only one that runs in a folder of it; raise `NoStackError` otherwise.

    The demo's home is a folder of the default one, so that commands beside a running demo reach it without an option.
    """
    own = _running(home / STACK_FILE)
    if own:
        return own
    nested = [stack for path in sorted(home.glob(f"*/{STACK_FILE}")) if (stack := _running(path))]
    if len(nested) == 1:
        return nested[0]
    if nested:
        urls = ", ".join(stack.url for stack in nested)
        raise NoStackError(f"several stacks run below {home}: {urls}", "choose one with --home DIR or FRAMEBUS_HOME")
    raise NoStackError(f"no stack is running at {home}", "start it with `framebus up`, or name one with --home or FRAMEBUS_URL")


def _running(path: Path) -> Stack | None:
    try:
        stack = msgspec.json.decode(path.read_bytes(), type=Stack)
    except (OSError, msgspec.DecodeError):
        return None
    return stack if is_alive(stack.pid) else None


def is_alive(pid: int) -> bool:
    """Return whether a process has this id; one of another user counts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

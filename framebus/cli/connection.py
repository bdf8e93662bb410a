"""Which Framebus a command speaks to."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from framebus.cli.failure import bad_usage
from framebus.client import Client, NoStackError, find_stack, home_folder

STARTING_SECONDS: Final = 10.0
"""How long a command waits for a stack that is still starting, before it says so."""

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Home folder of the local stack; else FRAMEBUS_HOME, else .framebus."),
]


def connect(home: Path | None, environ: Mapping[str, str] = os.environ) -> Client:
    """Connect to FRAMEBUS_URL, or to the stack that runs in a home folder; `--home` is stronger than FRAMEBUS_URL."""
    url = environ.get("FRAMEBUS_URL")
    if not url or home is not None:
        return Client.to_stack(find_stack(home_folder(home, environ)), starting_seconds=STARTING_SECONDS)
    if not url.startswith(("http://", "https://")):
        raise bad_usage(f"FRAMEBUS_URL {url}", "not an address", "give http://HOST:PORT or https://HOST")
    return Client(url, environ.get("FRAMEBUS_API_KEY") or _key_of(url, environ), starting_seconds=STARTING_SECONDS)


def _key_of(url: str, environ: Mapping[str, str]) -> str:
    try:
        stack = find_stack(home_folder(None, environ))
    except NoStackError:
        stack = None
    if stack is None or stack.url.rstrip("/") != url.rstrip("/"):
        raise bad_usage(f"FRAMEBUS_URL {url}", "no key", "set FRAMEBUS_API_KEY to a key of that server")
    return stack.key

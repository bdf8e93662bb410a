"""The home folder of a local stack: one owner at a time, a version stamp, the API key, where the stack can be found."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from framebus.local.errors import StackError

FORMAT: Final = 1
STAMP: Final = "framebus-home"
KEY_BYTES: Final = 32


@dataclass(frozen=True)
class Home:
    """A folder that this process owns."""

    path: Path

    @property
    def logs(self) -> Path:
        """Folder of everything that the processes print."""
        return self.path / "logs"

    @property
    def media(self) -> Path:
        """Folder of recorded media and thumbnails."""
        return self.path / "media"

    @property
    def secrets(self) -> Path:
        """Folder of the passwords of sources, readable by this user alone."""
        return self.path / "secrets"

    @property
    def key_file(self) -> Path:
        """File that holds the API key, readable by this user alone."""
        return self.path / "key"

    def key(self) -> str:
        """Return the API key; it is made once."""
        if not self.key_file.exists():
            write_private(self.key_file, f"fb_{secrets.token_urlsafe(KEY_BYTES)}\n")
        return self.key_file.read_text().strip()

    def keep_space(self, space: str) -> None:
        """Note the embedding space of the index in this home; `framebus reset` forgets it with the rows.

        Raises:
            StackError: the index holds vectors of another space, which a query in this one cannot be compared with.
        """
        record = self.path / "milvus" / "space"
        kept = record.read_text().strip() if record.exists() else space
        if kept != space:
            raise StackError(
                f"the index in {self.path} was made with the encoder {kept} and this start names {space}: name the former with "
                f"--encoder, choose another --home, or empty this one by `framebus reset --home {self.path}` and add its videos "
                f"again"
            )
        record.parent.mkdir(exist_ok=True)
        record.write_text(f"{space}\n")

    def publish(self, stack: dict[str, Any]) -> None:
        """Tell programs of this user on this machine where the stack is."""
        write_private(self.path / "stack.json", json.dumps(stack, indent=2) + "\n")

    def withdraw(self) -> None:
        """Say that no stack runs here."""
        (self.path / "stack.json").unlink(missing_ok=True)


@contextmanager
def own_home(path: Path) -> Iterator[Home]:
    """Make or open a home and own it until the end of the block. The kernel frees it when this process dies.

    Raises:
        StackError: another process owns it, it is not a home, or a newer version made it.
    """
    path = path.expanduser().absolute()
    check_format(path)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (path / "lock").open("a+") as lock:
        _lock(lock.fileno(), path)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (path / STAMP).write_text(f"{FORMAT}\n")
        home = Home(path)
        try:
            yield home
        finally:
            home.withdraw()


def check_format(path: Path) -> None:
    """Refuse a folder that this version cannot use as a home.

    Raises:
        StackError: it holds something else, or its format is newer.
    """
    if path.exists() and not path.is_dir():
        raise StackError(f"{path} is not a folder: choose another one with --home")
    stamp = path / STAMP
    if not stamp.exists():
        if path.exists() and any(not _is_ours(entry) for entry in path.iterdir()):
            raise StackError(f"{path} holds other files and is no home of Framebus: choose another folder with --home")
        return
    text = stamp.read_text().strip()
    if not text.isdecimal() or int(text) != FORMAT:
        raise StackError(
            f"{path} has format {text!r} and this version of Framebus uses {FORMAT}: choose another folder with --home, or "
            f"use the version that made it"
        )


def _is_ours(entry: Path) -> bool:
    # The default home may hold the demonstration's home, and the lock of a first start that was refused.
    return (entry / STAMP).exists() or entry.name == "lock"


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = (path / "lock").read_text().strip() or "unknown"
        raise StackError(f"a stack already runs in {path} (process {owner}): stop it, or choose another --home") from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, in one step: readers see the old text or the new one."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)

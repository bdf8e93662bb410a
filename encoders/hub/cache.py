"""Exported model folders on this machine, one for each commit: found again without a network and without torch."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from encoders.errors import EncoderError
from encoders.hub.address import Repository

CARD: Final = "encoder.json"
Say = Callable[[str], None]
_COMMIT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
"""The hub's are 40 hex digits; a copy laid out by hand may name its snapshot otherwise."""


def models_folder() -> Path:
    """Return where exported models lie: FRAMEBUS_MODELS, else `framebus/models` in the user's cache."""
    if named := os.environ.get("FRAMEBUS_MODELS"):
        return Path(named).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "framebus" / "models"


class ModelCache:
    """`name@commit` folders, and beside them which commit each revision last was: `refs/name/revision`.

    A folder appears whole or not at all, and is made by one process at a time.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, repository: Repository) -> Path | None:
        """Return the folder of the commit that the revision was when it was last exported, or None."""
        commit = repository.commit or self._remembered(repository)
        return self.folder(repository.name, commit) if commit else None

    def folder(self, name: str, commit: str) -> Path | None:
        """Return the folder of one commit, or None where it was not exported."""
        path = self._path(name, commit)
        return path if (path / CARD).is_file() else None

    def remember(self, repository: Repository, commit: str) -> None:
        """Note which commit a branch or a tag is, for starts without a network."""
        if repository.commit is None:
            ref = self._ref(repository)
            ref.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=ref.parent, prefix=".", delete=False) as new:
                new.write(commit)
            Path(new.name).replace(ref)

    @contextmanager
    def alone(self, name: str, say: Say) -> Iterator[None]:
        """Be the only process that exports `name` until the end of the block; waits for another one, and says so."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / f".{_flat(name)}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another process exports {name}: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            for rest in self._root.glob(f".{_flat(name)}.partial-*"):
                shutil.rmtree(rest)
            yield

    @contextmanager
    def new_folder(self, name: str, commit: str) -> Iterator[Path]:
        """Give an empty folder that becomes the one of `commit` when the block ends well, and goes when it does not."""
        with filled_whole(self._path(name, commit), f".{_flat(name)}.partial-") as folder:
            yield folder

    def _path(self, name: str, commit: str) -> Path:
        if not _COMMIT.fullmatch(commit):
            raise EncoderError(f"{name}: {commit!r} is not a commit")
        return self._root / f"{_flat(name)}@{commit}"

    def _ref(self, repository: Repository) -> Path:
        return self._root / "refs" / _flat(repository.name) / quote(repository.revision, safe="")

    def _remembered(self, repository: Repository) -> str | None:
        ref = self._ref(repository)
        return ref.read_text().strip() if ref.is_file() else None


@contextmanager
def filled_whole(target: Path, prefix: str = ".partial-") -> Iterator[Path]:
    """Give an empty folder beside `target` that becomes `target` when the block ends well, and goes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix) as partial:
        folder = Path(partial) / target.name
        folder.mkdir()
        yield folder
        folder.rename(target)


def _flat(name: str) -> str:
    return name.replace("/", "--")

"""Folders that others remove while they are looked through: what goes meanwhile is not there."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder; nothing where there is none."""
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def files(entry: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield a file, or all that are below a folder, each with its status."""
    below = (Path(folder, name) for folder, _, names in os.walk(entry) for name in names)
    for path in (entry, *below):
        with suppress(FileNotFoundError, NotADirectoryError):
            status = path.stat()
            if S_ISREG(status.st_mode):
                yield path, status

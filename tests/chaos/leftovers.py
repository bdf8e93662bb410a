"""Files of lives that are over. Pure but for looking at the disk."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BY_LIFE: Final = ("recordings", "thumbnails", "thumbnails-made", "clips")
BY_SOURCE: Final = ("uploads",)


@dataclass(frozen=True)
class Kept:
    """What may be there of a source: files of one life, None when it was removed for good, and its password."""

    life: int | None
    has_password: bool = False


def leftovers(media: Path, secrets: Path, source_id: str, kept: Kept) -> list[str]:
    """Return the files of a source that should be gone."""
    of_lives = (path for folder in BY_LIFE for path in _files(media / folder / source_id) if not _is_of(path, media, kept.life))
    uploads = (path for folder in BY_SOURCE for path in _files(media / folder / source_id) if kept.life is None)
    passwords = [] if kept.has_password else [path for path in _files(secrets) if _of_password(path.name, source_id)]
    return sorted(str(path) for path in (*of_lives, *uploads, *passwords))


def _of_password(name: str, source_id: str) -> bool:
    """Whether a file is a source's password, what that was given for, or a draft of either."""
    return name == source_id or re.fullmatch(rf"\.{re.escape(source_id)}(@origin|(@origin)?\.\d+)", name) is not None


def _is_of(path: Path, media: Path, life: int | None) -> bool:
    _, _, of, *_ = path.relative_to(media).parts
    return of == str(life)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())

"""The media of lives that are over go."""

import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Final

from schemas.identity import check_source_id
from schemas.messages import Source
from services.query.media.store import MediaStore

UPLOADING_SECONDS: Final = 86_400.0
"""What was uploaded to a removed source so lately may be about to become its next life."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal deleted."""

    files: int = 0
    bytes: int = 0


def remove_media(store: MediaStore, source_id: str, through_life: int) -> Removed:
    """Delete uploads, and recordings, thumbnails and cached clips of lives up to one, and say how much that was.

    Originals elsewhere stay, and so does what a later life has begun with meanwhile. Blocks.
    """
    name = check_source_id(source_id)
    return _all_of([_remove_folder(store.uploads_folder / name), _remove_lives(store, {name: through_life}, name)])


def sweep_media(store: MediaStore, sources: Iterable[Source]) -> Removed:
    """Delete what is left of lives that are over, and say how much that was. Blocks.

    A removal may have been cut short, and a picture that was in the making when its life ended is written after it.
    """
    known = list(sources)
    over = {source.source_id: source.life if source.wanted == "removed" else source.life - 1 for source in known}
    removed = [store.uploads_folder / source.source_id for source in known if source.wanted == "removed"]
    return _all_of([*map(_remove_folder, filter(_is_old, removed)), _remove_lives(store, over)])


def _remove_lives(store: MediaStore, over: Mapping[str, int], name: str = "*") -> Removed:
    """Delete the folders of lives up to those in `over`."""
    parts = []
    for folder in [folder for parent in store.folders_of_lives for folder in parent.glob(f"{name}/*")]:
        if folder.name.isdecimal() and int(folder.name) <= over.get(folder.parent.name, 0):
            parts.append(_remove_folder(folder))
            with suppress(OSError):  # another life is there
                folder.parent.rmdir()
    return _all_of(parts)


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > UPLOADING_SECONDS
    except FileNotFoundError:
        return False


def _all_of(parts: Iterable[Removed]) -> Removed:
    removed = list(parts)
    return Removed(sum(part.files for part in removed), sum(part.bytes for part in removed))


def _remove_folder(folder: Path) -> Removed:
    sizes = [size for path in folder.rglob("*") if (size := _file_bytes(path)) is not None]
    shutil.rmtree(folder, ignore_errors=True)
    return Removed(len(sizes), sum(sizes))


def _file_bytes(path: Path) -> int | None:
    """Return the size of a file; None for a folder, and for what a recorder at its limits has just removed."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size if S_ISREG(status.st_mode) else None

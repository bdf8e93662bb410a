"""The media of a removed source go."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from schemas.identity import check_source_id
from services.query.media.store import MediaStore


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal deleted."""

    files: int = 0
    bytes: int = 0


def remove_media(store: MediaStore, source_id: str) -> Removed:
    """Delete recordings, uploads, thumbnails and cached clips of a source and say how much that was; originals elsewhere stay.

    Blocks.
    """
    name = check_source_id(source_id)
    originals = (store.recordings_folder, store.uploads_folder, store.pushed_thumbnails_folder)
    parts = [_remove_folder(parent / name) for parent in (*originals, store.made_thumbnails_folder, store.clips_folder)]
    return Removed(sum(part.files for part in parts), sum(part.bytes for part in parts))


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

"""The media of a removed source go."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from schemas.identity import check_source_id
from services.query.media.store import MediaStore


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal deleted."""

    files: int = 0
    bytes: int = 0


def remove_media(store: MediaStore, source_id: str) -> Removed:
    """Delete uploads, thumbnails and cached clips of a source and say how much that was; originals elsewhere stay. Blocks."""
    name = check_source_id(source_id)
    parents = (store.uploads_folder, store.pushed_thumbnails_folder, store.made_thumbnails_folder, store.clips_folder)
    parts = [_remove_folder(parent / name) for parent in parents]
    return Removed(sum(part.files for part in parts), sum(part.bytes for part in parts))


def _remove_folder(folder: Path) -> Removed:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    shutil.rmtree(folder, ignore_errors=True)
    return Removed(len(sizes), sum(sizes))

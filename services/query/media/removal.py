"""The media of lives that are over go."""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Final

from schemas.identity import SOURCE_ID, check_source_id
from schemas.messages import Source
from services.query.media.store import RECEIVING, MediaStore

UPLOADING_SECONDS: Final = 86_400
"""What was uploaded, or received in part, so lately may be about to become the next life of its source."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a removal deleted."""

    files: int = 0
    bytes: int = 0


WhileUnchanged = Callable[[str, Callable[[Source | None], Removed]], Removed]
"""Calls with the newest record of a source, which does not change meanwhile: `SourceWriter.while_unchanged`."""


def remove_media(
    store: MediaStore, while_unchanged: WhileUnchanged, source_id: str, through_life: int, removed_ns: int
) -> Removed:
    """Delete uploads, and recordings, thumbnails and cached clips of lives up to one, and say how much that was.

    Originals elsewhere stay, and so does what a later life has begun with, or what was uploaded since `removed_ns`. Blocks.
    """
    name = check_source_id(source_id)
    uploads = remove_uploads(store, while_unchanged, name, removed_ns)
    return _all_of([uploads, _remove_lives(store, {name: through_life}, name)])


def remove_uploads(store: MediaStore, while_unchanged: WhileUnchanged, source_id: str, since_ns: int) -> Removed:
    """Delete what was uploaded for a source, whole or in part, but for the media of its record in force. Blocks.

    What has changed at or after `since_ns` (Unix time) stays: it may be about to become the media of the next record. Of a
    source without a record only what was received in part goes: whole originals outlive a log that was lost.
    """
    folder = store.uploads_folder / source_id

    def judge(record: Source | None) -> Removed:
        over = [entry for entry in _entries(folder) if not _stays(entry, record) and _changed_before(entry, since_ns)]
        removed = _all_of(map(_remove, over))
        with suppress(OSError):  # something stays
            folder.rmdir()
        return removed

    return while_unchanged(source_id, judge)


def sweep_media(store: MediaStore, while_unchanged: WhileUnchanged, sources: Iterable[Source]) -> Removed:
    """Delete what is left of lives that are over, and say how much that was. Blocks.

    A removal may have been cut short, a picture that was in the making when its life ended is written after it, and an
    upload may have ended with the process that received it.
    """
    over = {source.source_id: source.life if source.wanted == "removed" else source.life - 1 for source in sources}
    since_ns = time.time_ns() - UPLOADING_SECONDS * 1_000_000_000
    names = [folder.name for folder in _entries(store.uploads_folder) if SOURCE_ID.fullmatch(folder.name)]
    uploads = [remove_uploads(store, while_unchanged, name, since_ns) for name in names]
    return _all_of([*uploads, _remove_lives(store, over)])


def _stays(entry: Path, record: Source | None) -> bool:
    """Tell of the folder that holds what a record names; by its own name, since the media folder may have another by now."""
    if record is None:
        return not entry.name.startswith(RECEIVING)
    named = record.url if record.wanted != "removed" else None
    return named is not None and PurePosixPath(named).parent.name == entry.name


def _changed_before(entry: Path, since_ns: int) -> bool:
    try:
        return entry.stat().st_mtime_ns < since_ns
    except FileNotFoundError:  # a draft that has just become an upload
        return False


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove_lives(store: MediaStore, over: Mapping[str, int], name: str = "*") -> Removed:
    """Delete the folders of lives up to those in `over`."""
    parts = []
    for folder in [folder for parent in store.folders_of_lives for folder in parent.glob(f"{name}/*")]:
        if folder.name.isdecimal() and int(folder.name) <= over.get(folder.parent.name, 0):
            parts.append(_remove(folder))
            with suppress(OSError):  # another life is there
                folder.parent.rmdir()
    return _all_of(parts)


def _all_of(parts: Iterable[Removed]) -> Removed:
    removed = list(parts)
    return Removed(sum(part.files for part in removed), sum(part.bytes for part in removed))


def _remove(entry: Path) -> Removed:
    """Delete a file, or a folder with all that is in it."""
    sizes = [size for path in (entry, *entry.rglob("*")) if (size := _file_bytes(path)) is not None]
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with suppress(OSError):
            entry.unlink()
    return Removed(len(sizes), sum(sizes))


def _file_bytes(path: Path) -> int | None:
    """Return the size of a file; None for a folder, and for what a recorder at its limits has just removed."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size if S_ISREG(status.st_mode) else None

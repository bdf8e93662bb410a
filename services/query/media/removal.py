"""The media of lives that are over go."""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from schemas.identity import SOURCE_ID, check_source_id
from schemas.messages import Source
from services.query.media.store import RECEIVING, MediaStore
from services.query.media.walking import entries, files

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
    return _all_of([uploads, _remove_lives(store, {name: through_life})])


def remove_uploads(store: MediaStore, while_unchanged: WhileUnchanged, source_id: str, since_ns: int) -> Removed:
    """Delete what was uploaded for a source, whole or in part, but for the media of its record in force. Blocks.

    What has changed at or after `since_ns` (Unix time) stays: it may be about to become the media of the next record. Of a
    source without a record only what was received in part goes: whole originals outlive a log that was lost.
    """
    folder = store.uploads_folder / source_id

    def judge(record: Source | None) -> Removed:
        settled = [entry for entry in entries(folder) if _changed_before(entry, since_ns)]
        removed = _all_of(_remove(over) for entry in settled for over in _over(entry, record))
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
    names = [folder.name for folder in entries(store.uploads_folder) if SOURCE_ID.fullmatch(folder.name)]
    uploads = [remove_uploads(store, while_unchanged, name, since_ns) for name in names]
    return _all_of([*uploads, _remove_lives(store, over)])


def _over(entry: Path, record: Source | None) -> list[Path]:
    """Return what of an entry is over: all of it, or in the folder of what a record names whatever lies beside that.

    Both are told by their own names, since the media folder may have another by now.
    """
    if record is None:
        return [entry] if entry.name.startswith(RECEIVING) else []
    named = PurePosixPath(record.url) if record.url is not None and record.wanted != "removed" else None
    if named is None or named.parent.name != entry.name:
        return [entry]
    beside = [file for file in entries(entry) if file.name != named.name]
    return beside if (entry / named.name).is_file() else []


def _changed_before(entry: Path, since_ns: int) -> bool:
    try:
        return entry.stat().st_mtime_ns < since_ns
    except FileNotFoundError:  # a draft that has just become an upload
        return False


def _remove_lives(store: MediaStore, over: Mapping[str, int]) -> Removed:
    """Delete the folders of lives up to those in `over`."""
    parts = []
    for folder in (folder for parent in store.folders_of_lives for folder in entries(parent) if folder.name in over):
        ended = [life for life in entries(folder) if life.name.isdecimal() and int(life.name) <= over[folder.name]]
        parts += [_remove(life) for life in ended]
        if ended:
            with suppress(OSError):  # another life is there
                folder.rmdir()
    return _all_of(parts)


def _all_of(parts: Iterable[Removed]) -> Removed:
    removed = list(parts)
    return Removed(sum(part.files for part in removed), sum(part.bytes for part in removed))


def _remove(entry: Path) -> Removed:
    """Delete a file, or a folder with all that is in it."""
    sizes = [status.st_size for _, status in files(entry)]
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with suppress(OSError):
            entry.unlink()
    return Removed(len(sizes), sum(sizes))

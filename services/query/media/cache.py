"""Files that can be made again, kept on disk up to a size."""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from services.query.media.walking import files

KEPT_AFTER_EVICTION = 0.9


class DiskCache:
    """A folder for each owner under `folder`. What was not used for longest goes first when the whole passes `limit_bytes`.

    Safe for several threads and processes: files appear complete or not at all, and one made twice is the same file.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._bytes: int | None = None

    def find(self, owner: str, name: str) -> Path | None:
        """Return a file that is there, and count this as its use.

        Only the access time moves: the modification time is part of the ETag, which ranges of one file must share.
        """
        path = self._folder / owner / name
        try:
            modified_ns = path.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        with suppress(OSError):  # it has gone this moment, or the disk can only be read
            os.utime(path, ns=(time.time_ns(), modified_ns))
        return path

    def keep(self, owner: str, name: str, make: Callable[[Path], None]) -> Path:
        """Return the file, which `make` writes to the path that it is given when it is not there."""
        if (found := self.find(owner, name)) is not None:
            return found
        path = self._folder / owner / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".making-", suffix=path.suffix)
        os.close(descriptor)
        try:
            make(Path(draft))
            size = Path(draft).stat().st_size
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
        self._count(size)
        return path

    def _count(self, added_bytes: int) -> None:
        with self._lock:
            self._bytes = self._bytes + added_bytes if self._bytes is not None else sum(size for _, size, _ in self._files())
            if self._bytes > self._limit_bytes:
                self._bytes = self._evict()

    def _evict(self) -> int:
        """Remove the least recently used files; the newest one always stays, it is about to be sent."""
        kept = sorted(self._files())
        left = sum(size for _, size, _ in kept)
        for _, size, path in kept[:-1]:
            if left <= self._limit_bytes * KEPT_AFTER_EVICTION:
                break
            path.unlink(missing_ok=True)
            left -= size
        return left

    def _files(self) -> list[tuple[int, int, Path]]:
        return [(status.st_atime_ns, status.st_size, path) for path, status in files(self._folder)]

"""A disk of its own for the media store, so small that one file fills it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

INSIDE: Final = "FRAMEBUS_CHAOS_INSIDE"
MEGABYTES: Final = 64
PIECE: Final = bytes(64 * 1024)


class Disk:
    """A disk in memory, mounted at `folder`, that this process and its children alone see."""

    def __init__(self, folder: Path) -> None:
        """Mount it; raises `OSError` or `CalledProcessError` where that is refused."""
        folder.mkdir(parents=True, exist_ok=True)
        words = ("mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder))
        subprocess.run(words, check=True, capture_output=True)
        self._folder, self._filler = folder, folder / "filler"

    def fill(self) -> None:
        """Leave no room."""
        with self._filler.open("wb", buffering=0) as filler:
            for piece in (PIECE, PIECE[:4096], PIECE[:1]):
                while _has_room(filler.fileno(), piece):
                    pass

    def clear(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Take it away, whoever still uses it."""
        subprocess.run(("umount", "--lazy", str(self._folder)), check=False, capture_output=True)


def is_inside() -> bool:
    """Return whether this process may mount a disk that nobody else sees."""
    return INSIDE in os.environ


def go_inside(module: str, arguments: list[str]) -> None:
    """Run this module anew where disks may be mounted; return where the system refuses that."""
    mapped = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = ("unshare", *mapped, "--mount")
    if shutil.which(words[0]) is None or subprocess.run([*words, "true"], check=False, capture_output=True).returncode != 0:
        return
    os.execvpe(words[0], [*words, sys.executable, "-m", module, *arguments], {**os.environ, INSIDE: "1"})


def _has_room(descriptor: int, piece: bytes) -> bool:
    try:
        os.write(descriptor, piece)
    except OSError:
        return False
    return True

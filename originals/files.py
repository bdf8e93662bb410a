"""The bytes of a file, wherever it lies: FFmpeg is handed bytes and never an address, so it can open nothing by itself."""

import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final, cast

from originals.access import Access
from originals.address import Address
from originals.errors import Missing, Unreachable, Unreadable
from originals.remote import RemoteFile

BLOCK_BYTES: Final = 1 << 16
BLOCKS: Final = 4
BUFFER_BYTES: Final = 1 << 18


class LocalFile(io.FileIO):
    """A local file whose failing disk or share says so in words for people, who know it as `shown`."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path)
        self._shown = shown

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes; raises `Unreachable`."""
        try:
            return super().read(size) or b""
        except OSError as error:
            raise Unreachable(f"{self._shown} cannot be read: {error.strerror}") from None


@dataclass(frozen=True)
class OpenFile:
    """An open file. `ranged`: reading may begin anywhere at no cost; `validator`: the server's word on the version."""

    stream: BinaryIO
    size_bytes: int
    shown: str
    ranged: bool = True
    validator: str = ""
    modified_ns: int | None = None

    def has_changed(self) -> bool:
        """Whether a local file was written since it was opened; a remote one says so while it is read."""
        if self.modified_ns is None:
            return False
        now = os.fstat(self.stream.fileno())
        return (now.st_size, now.st_mtime_ns) != (self.size_bytes, self.modified_ns)


def open_file(address: Address, access: Access, keep_on: Callable[[], bool] = lambda: True) -> OpenFile:
    """Open a file for reading; raises `Unreadable` or `Unreachable` with the reason for people.

    A remote file is read for as long as `keep_on` says so; then it is `Unreachable`. What `keep_on` raises passes through.
    """
    file = _open_remote(address, access, keep_on) if address.kind == "http" else _open_local(address, access)
    if file.size_bytes == 0:
        file.stream.close()
        raise Unreadable(f"{address.shown} is empty")
    return file


def fingerprint(file: OpenFile) -> str:
    """Return what identifies the bytes: a hash of their number and of blocks from the first to the last.

    Where going back costs the whole file again it is the first block and the server's word. The stream ends at the start.
    """
    digest = blake2b(f"{file.size_bytes} {'' if file.ranged else file.validator}".encode(), digest_size=16)
    last = max(0, file.size_bytes - BLOCK_BYTES)
    for index in range(BLOCKS if file.ranged else 1):
        file.stream.seek(last * index // (BLOCKS - 1))
        digest.update(file.stream.read(BLOCK_BYTES))
    file.stream.seek(0)
    return digest.hexdigest()


def _open_remote(address: Address, access: Access, keep_on: Callable[[], bool]) -> OpenFile:
    remote = RemoteFile(access.with_password(address.url, address.shown), access, keep_on, address.shown)
    stream = cast("BinaryIO", io.BufferedReader(remote, BUFFER_BYTES))
    return OpenFile(stream, remote.size_bytes, address.shown, remote.ranged, remote.validator)


def _open_local(address: Address, access: Access) -> OpenFile:
    try:
        path = access.real_path(address.path, address.shown)
        _check_regular(path.stat().st_mode, address.shown)
        stream = LocalFile(path, address.shown)
    except (FileNotFoundError, NotADirectoryError):
        raise Missing(f"{address.shown} does not exist") from None
    except PermissionError:
        raise Unreadable(f"{address.shown} may not be read: permission denied") from None
    except OSError as error:
        raise Unreachable(f"{address.shown} cannot be read: {error.strerror}") from None
    now = os.fstat(stream.fileno())
    return OpenFile(cast("BinaryIO", stream), now.st_size, address.shown, modified_ns=now.st_mtime_ns)


def _check_regular(mode: int, shown: str) -> None:
    if stat.S_ISDIR(mode):
        raise Unreadable(f"{shown} is a folder: add the files in it")
    if not stat.S_ISREG(mode):
        raise Unreadable(f"{shown} is not a regular file")

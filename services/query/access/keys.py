"""API keys: random, stored hashed, each with its roles and the sources it may see.

The key file is JSON, readable by its owner alone, and holds the secret that signs links and sessions beside the keys:
both survive a restart, and replicas that mount the same file accept each other's links.
"""

import hmac
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

Role = Literal["search", "annotate", "manage", "ingest"]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))

KEY: Final = re.compile(r"fb_[A-Za-z0-9_-]{32,256}")
KEY_BYTES: Final = 32
KEY_ID_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Grant:
    """What a presented key allows. `sources` is None where the key sees every source."""

    key_id: str
    roles: frozenset[Role]
    sources: frozenset[str] | None = None

    def may_see(self, source_id: str) -> bool:
        """Tell whether rows and media of this source may be shown."""
        return self.sources is None or source_id in self.sources


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the file holds it. A plain SHA-256 is enough: a key has 256 random bits, so there is nothing to guess."""

    key_id: str
    sha256: str
    roles: tuple[Role, ...]
    sources: tuple[str, ...] | None = None
    name: str = ""

    def grant(self) -> Grant:
        """Return what this key allows."""
        return Grant(self.key_id, frozenset(self.roles), None if self.sources is None else frozenset(self.sources))


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the key file; `link_secret` is 32 bytes in hexadecimal."""

    link_secret: str
    keys: tuple[StoredKey, ...] = ()


class KeyRing:
    """The keys in force. The file is read again when it changes, so a key removed by another process is dead at once.

    `path` None keeps everything in memory: links then end with the process. `local_key` is one more key, with every role
    and every source, that is never written to the file: its owner hands it to the process (the local stack).
    """

    def __init__(self, path: Path | None, local_key: str | None = None) -> None:
        self._path = path
        self._local = () if not local_key else (_stored(_checked(local_key), ROLES, None, "local"),)
        self._file = KeyFile(link_secret=secrets.token_hex(32))
        self._read_from: tuple[int, int] | None = None
        if path is not None and not path.exists():
            self._save(self._file)
        self._refresh()
        self.secret: Final = bytes.fromhex(self._file.link_secret)

    @property
    def is_empty(self) -> bool:
        """Tell whether no key at all opens this service."""
        return not self._keys()

    def grant(self, key: str) -> Grant | None:
        """Return what a plain key allows, or None; takes the same time whichever key matches."""
        presented = sha256(key.encode()).hexdigest()
        found = [stored for stored in self._keys() if hmac.compare_digest(stored.sha256, presented)]
        return found[0].grant() if found else None

    def grant_of(self, key_id: str) -> Grant | None:
        """Return what the key with this id allows now, or None when it was removed."""
        return next((stored.grant() for stored in self._keys() if stored.key_id == key_id), None)

    def add(self, roles: Iterable[Role], sources: Iterable[str] | None = None, name: str = "") -> str:
        """Make a key, keep its hash, and return it: this is the only time that it can be read."""
        key = "fb_" + secrets.token_urlsafe(KEY_BYTES)
        self._refresh()
        stored = _stored(key, roles, sources, name)
        self._save(msgspec.structs.replace(self._file, keys=(*self._file.keys, stored)))
        return key

    def remove(self, key_id: str) -> bool:
        """Forget a key; its sessions and links end with it. False when there is no such key in the file."""
        self._refresh()
        kept = tuple(stored for stored in self._file.keys if stored.key_id != key_id)
        found = len(kept) < len(self._file.keys)
        if found:
            self._save(msgspec.structs.replace(self._file, keys=kept))
        return found

    def _keys(self) -> tuple[StoredKey, ...]:
        self._refresh()
        return self._local + self._file.keys

    def _refresh(self) -> None:
        if self._path is None:
            return
        status = self._path.stat()
        version = (status.st_mtime_ns, status.st_ino)
        if version != self._read_from:
            self._file, self._read_from = _read(self._path, status.st_mode), version

    def _save(self, content: KeyFile) -> None:
        if self._path is not None:
            _write(self._path, content)
        self._file = content


def _stored(key: str, roles: Iterable[Role], sources: Iterable[str] | None, name: str) -> StoredKey:
    digest = sha256(key.encode()).hexdigest()
    # The id is a part of the hash, so a replaced key has another id and the links of the old one die.
    return StoredKey(
        key_id=digest[:KEY_ID_DIGITS],
        sha256=digest,
        roles=tuple(sorted(roles)),
        sources=None if sources is None else tuple(sorted(sources)),
        name=name,
    )


def _checked(key: str) -> str:
    if not KEY.fullmatch(key):
        raise ValueError(f"API key of {len(key)} characters: expected fb_ and 32 to 256 letters, digits, '-' or '_'")
    return key


def _read(path: Path, mode: int) -> KeyFile:
    if stat.S_IMODE(mode) & stat.S_IRWXO:
        raise ValueError(f"key file {path} can be read by every user: run chmod 600 {path}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeyFile)
    except msgspec.DecodeError as error:
        raise ValueError(f"key file {path}: {error}; restore it, or remove it to begin with no keys") from None


def _write(path: Path, content: KeyFile) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2))
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)

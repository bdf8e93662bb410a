"""Passwords of sources, apart from everything else: topics, API and logs hold `${secret:NAME}` in their place."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from schemas.identity import SOURCE_ID

ORIGIN: Final = "@origin"
PLACEHOLDER: Final = re.compile(r"\$\{secret:([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\}")


class UnknownSecret(LookupError):  # noqa: N818  what it is
    """No secret has this name; the text names it and the way out."""


class OtherOrigin(UnknownSecret):
    """The secret was given for another origin than it is asked for; the text names both."""


class SecretStore:
    """A folder with one file of mode 0600 for each secret; on Kubernetes a mounted Secret, which is not written to.

    Beside a secret that was kept here lies the origin that it was given for (`origin_of`), and it goes to no other. A secret is
    read anew whenever it is asked for, so a changed one needs no restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, origin: str) -> str:
        """Return a secret for use at an origin; raises `UnknownSecret`, and `OtherOrigin` where it was given for another."""
        try:
            secret = self._path(name).read_text()
        except FileNotFoundError:
            raise UnknownSecret(f"secret {name!r} is not in the secret store: add the source again with its password") from None
        given_for = self._given_for(name)
        if given_for not in (None, origin):
            raise OtherOrigin(f"secret {name!r} was given for {given_for}, not {origin}: add the source again with its password")
        return secret

    def put(self, name: str, value: str, origin: str) -> None:
        """Keep a secret for an origin, whatever it was; raises `OSError`.

        Whenever this ends, a secret is whole or gone, and goes to no origin that it was not given for. Where the disk takes
        nothing more, the one that is there stays.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        texts = {self._path(name): value}
        if self._given_for(name) != origin:
            texts = {self._origin_path(name): origin} | texts
        try:
            for path, text in texts.items():
                self._write(_draft(path), text)
            if len(texts) > 1:
                self._path(name).unlink(missing_ok=True)
            for path in texts:
                _draft(path).replace(path)
        finally:
            for path in texts:
                _draft(path).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Forget a secret, if it is there, and what a process has left of it that was killed while it was kept."""
        for path in self._paths(name):
            path.unlink(missing_ok=True)
            prefix = f"{_draft_prefix(path)}."
            for draft in self._folder.glob(f"{prefix}*"):
                if draft.name.removeprefix(prefix).isdecimal():
                    draft.unlink(missing_ok=True)

    def kept_since(self) -> dict[str, float]:
        """Return the secrets that `put` has kept, and since when (Unix time); those that people put here have no origin."""
        names = [path.name.removeprefix(".").removesuffix(ORIGIN) for path in self._folder.glob(f".*{ORIGIN}")]
        return {name: max(map(_changed, self._paths(name))) for name in names if SOURCE_ID.fullmatch(name)}

    def _given_for(self, name: str) -> str | None:
        try:
            return self._origin_path(name).read_text()
        except FileNotFoundError:
            return None

    def _write(self, path: Path, text: str) -> None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self._path(name), self._origin_path(name)

    def _origin_path(self, name: str) -> Path:
        return self._folder / f".{self._path(name).name}{ORIGIN}"

    def _path(self, name: str) -> Path:
        if not SOURCE_ID.fullmatch(name):
            raise UnknownSecret(f"secret {name!r}: no name of a secret")
        return self._folder / name


def _draft(path: Path) -> Path:
    return path.with_name(f"{_draft_prefix(path)}.{os.getpid()}")


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _draft_prefix(path: Path) -> str:
    return f".{path.name.removeprefix('.')}"


def origin_of(address: str) -> str:
    """Return where a URL leads: scheme, host and port. What was given for https would go in the clear to http."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def split_password(address: str, name: str) -> tuple[str, str | None]:
    """Return a URL with `${secret:name}` where its password stood, and the password; None where it has none, or has one kept."""
    parts = urlsplit(address)
    credentials, at, host = parts.netloc.rpartition("@")
    user, colon, password = credentials.partition(":")
    if not at or not colon or PLACEHOLDER.fullmatch(password):
        return address, None
    return urlunsplit(parts._replace(netloc=f"{user}:${{secret:{name}}}@{host}")), unquote(password)


def reveal(address: str, store: SecretStore) -> str:
    """Return a URL with its secrets filled in: for opening, never for showing. Raises `UnknownSecret`."""
    origin = origin_of(address)
    return PLACEHOLDER.sub(lambda found: quote(store.get(found[1], origin), safe=""), address)


def shown(address: str) -> str:
    """Return an address as a person typed it, without its password: also one that is misspelt and cannot be split."""
    return re.sub(r"^(\w[\w+.-]*://|(?!\w[\w+.-]*://))([^\s/:@]*):.+@", r"\1\2:***@", address, flags=re.DOTALL)


def redact(text: str, *passwords: str) -> str:
    """Return a text of a library, which may quote an address, without passwords as they are or as a URL spells them."""
    for password in passwords:
        for spelled in {password, quote(password, safe=""), quote(password)}:
            if spelled:
                text = text.replace(spelled, "***")
    # \b: a long word without an address is looked at once, and not from each of its letters
    return re.sub(r"\b(\w+://[^\s/:@]*):[^\s/@]+@", r"\1:***@", text)

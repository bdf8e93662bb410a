"""Where a file lies: what kind of address it is, and the text that is safe to show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from originals.errors import Unreadable
from schemas.identity import without_credentials
from streaming.secrets import PLACEHOLDER


@dataclass(frozen=True)
class Address:
    """`path` for a local file, `url` for HTTP, which may name a secret; `shown` has no credentials."""

    kind: Literal["path", "http"]
    path: Path
    url: str
    shown: str


def parse(text: str) -> Address:
    """Return the address in a source's `url`, or raise `Unreadable` that says what is allowed."""
    try:
        return _parse(text, without_credentials(text))
    except ValueError:
        # What cannot be taken apart may hold a password anywhere.
        raise Unreadable("the address cannot be read: give a path, file:///path or http://host/path") from None


def _parse(text: str, shown: str) -> Address:
    scheme = urlsplit(text).scheme.lower() if "://" in text else ""
    if PLACEHOLDER.search(shown):
        raise Unreadable(f"{shown} names a secret: only the password of an address behind http may be one")
    if scheme in ("http", "https"):
        return Address("http", Path(), text, shown)
    if scheme not in ("", "file"):
        raise Unreadable(f"{shown} has the scheme {scheme}: give a path, file://, http:// or https://")
    path = Path(unquote(urlsplit(text).path) if scheme else text)
    if "\0" in str(path):
        raise Unreadable(f"{shown} holds a character that no path has")
    if not path.is_absolute():
        raise Unreadable(f"{shown} is a relative path: give the whole path")
    return Address("path", path, "", shown)

"""What an address is, and whether the settings allow it. The media themselves are opened by the decoder alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from schemas.messages import Kind
from services.query.problems import invalid, not_yet

CAMERA_SCHEMES: Final = ("rtsp", "rtsps")
LATER_SCHEMES: Final = ("s3",)
WEB_SCHEMES: Final = ("http", "https")
LONGEST: Final = 4_096


@dataclass(frozen=True)
class Allowed:
    """What sources may name: schemes (`file`, `http`, `https`), and the folders below which local files may lie."""

    schemes: tuple[str, ...]
    file_roots: tuple[str, ...]


def resolve(address: str, allowed: Allowed) -> tuple[Kind, str]:
    """Return kind and address of a source as it is recorded, or raise the problem that names what is wrong with field `url`.

    A local file comes out as an absolute path with symbolic links resolved, so that none leads out of an allowed folder.
    """
    if len(address) > LONGEST or not address.isprintable() or not address.strip():
        raise invalid("url", f"url of {len(address)} characters: expected a path or URL of 1 to {LONGEST} printable ones")
    scheme, colon, _ = address.partition("://")
    scheme = scheme.lower() if colon else "file"
    if scheme in CAMERA_SCHEMES or scheme in LATER_SCHEMES:
        raise not_yet(f"sources of scheme {scheme}", "url")
    if scheme not in allowed.schemes:
        names = ", ".join(allowed.schemes)
        raise invalid("url", f"url has the scheme {scheme[:20]!r}: allowed are {names} (FRAMEBUS_QUERY_ADDRESS_SCHEMES)")
    return "file", _web(address) if scheme in WEB_SCHEMES else _local(address, allowed.file_roots)


def _web(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError as error:
        raise invalid("url", f"url cannot be read: {error}") from None
    if not host:
        raise invalid("url", f"url {address[:100]!r} names no host")
    if parts.username is not None or parts.password is not None:
        detail = "url holds a user or password, which would be stored in the clear: not accepted until secrets are kept apart"
        raise invalid("url", detail)
    return address


def _local(address: str, roots: tuple[str, ...]) -> str:
    text = unquote(urlsplit(address).path) if "://" in address else address
    if "://" in address and urlsplit(address).netloc not in ("", "localhost"):
        raise invalid("url", f"url {address[:100]!r} names another machine: expected file:///absolute/path")
    if not text.startswith("/"):
        raise invalid("url", f"url {address[:100]!r} is a relative path: expected an absolute one, file:///path or http(s)://...")
    path = Path(text).resolve()
    if not any(path.is_relative_to(Path(root).resolve()) for root in roots):
        below = ", ".join(roots) or "no folder"
        detail = f"url {text[:200]!r}: local files may lie below {below} (FRAMEBUS_QUERY_FILE_ROOTS); others are uploaded"
        raise invalid("url", detail)
    return str(path)

"""What an address is, and whether the settings allow it. The media themselves are opened by the decoder alone."""

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from schemas.messages import Kind
from schemas.networks import SETTING, Network, lies_within
from services.query.problems import Problem, invalid, not_yet
from streaming.secrets import shown

CAMERA_SCHEMES: Final = ("rtsp", "rtsps")
LATER_SCHEMES: Final = ("s3",)
WEB_SCHEMES: Final = ("http", "https")
PASSWORD_SCHEMES: Final = (*CAMERA_SCHEMES, *WEB_SCHEMES)
LONGEST: Final = 4_096
LOOK_UP_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Allowed:
    """What sources may name: schemes, the folders below which local files may lie, the networks that cameras may lie in."""

    schemes: tuple[str, ...]
    file_roots: tuple[str, ...]
    networks: tuple[Network, ...] = ()


def resolve(address: str, allowed: Allowed) -> tuple[Kind, str]:
    """Return kind and address of a source as it is recorded, or raise the problem that names what is wrong with field `url`.

    A local file comes out as an absolute path with symbolic links resolved, so that none leads out of an allowed folder.
    `check_networks` says whether a camera may be where it is.
    """
    if len(address) > LONGEST or not address.isprintable() or not address.strip():
        raise invalid("url", f"url of {len(address)} characters: expected a path or URL of 1 to {LONGEST} printable ones")
    scheme = scheme_of(address)
    if scheme in LATER_SCHEMES:
        raise not_yet(f"sources of scheme {scheme}", "url")
    if scheme not in allowed.schemes:
        names = ", ".join(allowed.schemes)
        raise invalid("url", f"url has the scheme {scheme[:20]!r}: allowed are {names} (FRAMEBUS_QUERY_ADDRESS_SCHEMES)")
    if scheme in CAMERA_SCHEMES:
        return "camera", _camera(address, allowed.networks)
    return "file", _web(address) if scheme in WEB_SCHEMES else _local(address, allowed.file_roots)


def scheme_of(address: str) -> str:
    """Return the scheme of a URL in small letters; that of a path is `file`."""
    scheme, colon, _ = address.partition("://")
    return scheme.lower() if colon else "file"


async def check_networks(address: str, allowed: Allowed) -> None:
    """Raise the problem of a camera outside the allowed networks. What `resolve` refuses is left to it.

    A name that is not found now passes: the decoder looks it up, and judges it, whenever it connects, and status says so.
    """
    if scheme_of(address) not in CAMERA_SCHEMES or not allowed.networks:
        return
    host = split(address).hostname or ""
    found = await _look_up(host) if host else []
    if found and not any(lies_within(one, allowed.networks) for one in found):
        names = ", ".join(map(str, allowed.networks))
        raise invalid("url", f"url names {host[:100]}, which is {found[0]}: cameras may lie in {names} ({SETTING})")


def split(address: str) -> SplitResult:
    """Return the parts of a URL, or raise its problem. A text of the library would quote the password, so there is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise _unreadable() from None
    if "@" not in parts.netloc and "@" in _may_hold_half_a_password(parts):
        raise _unreadable()
    return parts


def _may_hold_half_a_password(parts: SplitResult) -> str:
    """Return what may belong to a password with / in it; of a web address only what follows something like a port."""
    if parts.scheme in CAMERA_SCHEMES:
        return f"{parts.path}?{parts.query}#{parts.fragment}"
    return parts.path if parts.scheme in WEB_SCHEMES and parts.port is not None else ""


def _unreadable() -> Problem:
    ways = "in user, password and path write @ as %40, / as %2F, # as %23, ? as %3F, [ as %5B"
    return invalid("url", f"url cannot be read: expected scheme://host:port/path, user:password@ before the host; {ways}")


async def _look_up(host: str) -> list[str]:
    try:
        work = asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [str(entry[4][0]) for entry in await asyncio.wait_for(work, LOOK_UP_SECONDS)]
    except (OSError, UnicodeError, TimeoutError):
        return []


def _camera(address: str, networks: tuple[Network, ...]) -> str:
    if not networks:
        ways = f"no network is allowed for cameras: set {SETTING}, for example 10.0.0.0/8 (0.0.0.0/0,::/0 allows all)"
        raise invalid("url", f"url is that of a camera, and {ways}")
    parts = split(address)
    if not parts.hostname:
        raise invalid("url", f"url {shown(address)[:100]!r} names no host")
    if parts.fragment not in ("", "udp"):
        raise invalid("url", "url ends in a fragment that means nothing: #udp asks for UDP, TCP is the default")
    return address


def _web(address: str) -> str:
    parts = split(address)
    if not parts.hostname:
        raise invalid("url", f"url {shown(address)[:100]!r} names no host")
    return address


def _local(address: str, roots: tuple[str, ...]) -> str:
    named = shown(address)[:200]
    parts = split(address) if "://" in address else None
    if parts is not None and parts.netloc not in ("", "localhost"):
        raise invalid("url", f"url {named!r} names another machine: expected file:///absolute/path")
    text = unquote(parts.path) if parts is not None else address
    if not text.startswith("/"):
        raise invalid("url", f"url {named!r} is a relative path: expected an absolute one, file:///path, http(s):// or rtsp://")
    path = _resolved(text, named)
    if not any(path.is_relative_to(Path(root).resolve()) for root in roots):
        below = ", ".join(roots) or "no folder"
        detail = f"url {named!r}: local files may lie below {below} (FRAMEBUS_QUERY_FILE_ROOTS); others are uploaded"
        raise invalid("url", detail)
    return str(path)


def _resolved(text: str, named: str) -> Path:
    try:
        return Path(text).resolve()
    except ValueError:
        raise invalid("url", f"url {named!r} holds a character that no path has: %00 is the end of one") from None
    except RuntimeError:
        raise invalid("url", f"url {named!r} leads through symbolic links in a circle: name the file itself") from None

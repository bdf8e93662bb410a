"""Where a camera is: its address with secrets filled in, its host looked up and held against the networks that are allowed."""

import socket
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from schemas.networks import SETTING, Network, lies_within
from services.decoder.cameras.errors import CameraDown
from streaming.secrets import SecretStore, UnknownSecret, redact, reveal

PORTS: Final = {"rtsp": 554, "rtsps": 322}


@dataclass(frozen=True)
class Place:
    """What is opened. `url` holds the password and an IP address: it is for FFmpeg alone and never printed."""

    url: str = field(repr=False)
    transport: str
    passwords: tuple[str, ...] = field(repr=False)

    def shown(self, text: str) -> str:
        """Return a text of FFmpeg without what it must not show."""
        return redact(text, *self.passwords)


def find(address: str, secrets: SecretStore, networks: tuple[Network, ...]) -> Place:
    """Return the place of a source's `url`; raises `CameraDown`. A fragment `#udp` asks for UDP: it is never sent to a camera.

    The name is looked up once and the address that was judged is the one that is opened.
    """
    try:
        parts = urlsplit(reveal(address, secrets))
        port = parts.port or PORTS[parts.scheme]
    except UnknownSecret as error:
        raise CameraDown(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CameraDown(f"its password cannot be read ({type(error).__name__})") from None
    except (KeyError, ValueError):
        raise CameraDown("the address is no rtsp:// or rtsps:// URL") from None
    address_found = _look_up(parts.hostname or "", port, networks)
    credentials, at, _ = parts.netloc.rpartition("@")
    netloc = f"{credentials}{at}{address_found}:{port}"
    passwords = tuple(part for part in credentials.split(":")[1:] if part)
    url = urlunsplit(parts._replace(netloc=netloc, fragment=""))
    return Place(url, "udp" if parts.fragment == "udp" else "tcp", passwords)


def _look_up(host: str, port: int, networks: tuple[Network, ...]) -> str:
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise CameraDown(f"the host {host!r} is not known: check the name, or give an IP address") from None
    for address in found:
        if lies_within(address, networks):
            return f"[{address}]" if ":" in address else address
    raise CameraDown(f"{host} is {found[0]}: outside the networks that cameras may lie in ({SETTING})")

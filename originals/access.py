"""Which files and hosts addresses may lead to, and the passwords that they name. Query judges an address when it is added; here
it is judged again whenever it is opened: by then a link may lead elsewhere, a name may mean another host, and a server may
redirect.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from originals.errors import Unreachable, Unreadable
from schemas.networks import SETTING as NETWORKS
from schemas.networks import Network, lies_within
from streaming.secrets import SecretStore, UnknownSecret, reveal

MOST_TRIED: Final = 4
"""A name may have hundreds of addresses, each of which takes its time not to answer."""
NONE_KEPT: Final = SecretStore(Path("/dev/null"))


@dataclass(frozen=True)
class Access:
    """`file_roots`: folders below which files may lie; `networks`: where HTTP servers may be, anywhere without any.

    `secrets` holds the passwords of HTTP servers.
    """

    file_roots: tuple[Path, ...]
    networks: tuple[Network, ...] = ()
    secrets: SecretStore = NONE_KEPT

    def real_path(self, path: Path, shown: str) -> Path:
        """Return a path without symbolic links; raises `Unreadable` where it leads out of the allowed folders."""
        try:
            real = path.resolve()
        except RuntimeError:
            raise Unreadable(f"{shown} leads in a circle of symbolic links") from None
        if not any(real.is_relative_to(root.resolve()) for root in self.file_roots):
            settings = "FRAMEBUS_DECODER_FILE_ROOTS, FRAMEBUS_QUERY_FILE_ROOTS"
            raise Unreadable(f"{shown} does not lie below a folder that files may be read from ({settings})")
        return real

    def with_password(self, url: str, shown: str) -> str:
        """Return a URL with its password in place: for asking the server, never for showing. Raises `Unreachable`."""
        try:
            return reveal(url, self.secrets)
        except UnknownSecret as error:
            raise Unreachable(f"{shown} cannot be asked for: {error}") from None
        except OSError as error:
            raise Unreachable(f"{shown} cannot be asked for: its password cannot be read ({type(error).__name__})") from None

    def connect(self, host: str, port: int, timeout_seconds: float | None) -> socket.socket:
        """Connect to the first allowed address of a host that answers.

        The address that is judged is the one that is connected to, so no second answer of a name server can change it.
        Raises `Unreadable` where none is allowed, and `OSError`.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        allowed = [place for *_, place in found if not self.networks or lies_within(str(place[0]), self.networks)]
        if not allowed:
            raise Unreadable(f"{host} lies outside the networks that sources may be read from ({NETWORKS})")
        return _first(((str(place[0]), int(place[1])) for place in allowed[:MOST_TRIED]), timeout_seconds)


def _first(places: Iterable[tuple[str, int]], timeout_seconds: float | None) -> socket.socket:
    failure = OSError("it has no address")
    for place in places:
        try:
            return socket.create_connection(place, timeout_seconds)
        except OSError as error:
            failure = error
    raise failure

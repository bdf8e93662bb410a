"""Whether a camera sends its viewers elsewhere: FFmpeg cannot be told not to go there, and takes the password along.

So a camera is asked beforehand what FFmpeg asks first, over a connection that carries no password.
"""

import re
import socket
import ssl
import time
from contextlib import closing, suppress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.places import PORTS, Place

QUESTIONS: Final = ("OPTIONS", "DESCRIBE")
ANSWER_BYTES_LIMIT: Final = 1 << 14
SHOWN_LENGTH: Final = 200
RTSP: Final = b"RTSP/"
HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
REDIRECTION: Final = re.compile(rb"RTSP/\S* +3\d\d\b")
LOCATION: Final = re.compile(rb"^location:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
NOT_PLAIN: Final = re.compile(r"[^!-~]")


def refuse_redirects(place: Place, seconds: float) -> float:
    """Ask the place itself; return what is left of `seconds`. Raises `CameraDown` where it sends its viewers elsewhere.

    Raises `TimeoutError` where it does not answer in time, and another `OSError` where it cannot be connected to. An answer of
    any other kind, or none, is left to FFmpeg to judge.
    """
    ends_at = time.monotonic() + seconds
    parts = urlsplit(place.url)
    asked = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    with (
        socket.create_connection((parts.hostname or "", parts.port or PORTS[parts.scheme]), seconds) as connection,
        suppress(ConnectionError, ssl.SSLError),
        closing(_encrypted(connection, ends_at) if parts.scheme == "rtsps" else connection) as channel,
    ):
        for number, question in enumerate(QUESTIONS, 1):
            channel.settimeout(_left(ends_at))
            channel.sendall(f"{question} {asked} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\n\r\n".encode())
            head = _head(channel, ends_at)
            if REDIRECTION.match(head):
                raise CameraDown(f"the camera redirects to {_target(head, place)}: add that address instead")
            if not head:
                break
    return _left(ends_at)


def _encrypted(connection: socket.socket, ends_at: float) -> ssl.SSLSocket:
    """Cameras have certificates of their own making, and what is said here is no secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection.settimeout(_left(ends_at))
    return context.wrap_socket(connection)


def _head(channel: socket.socket, ends_at: float) -> bytes:
    """Read the head of an answer; return nothing where what comes is none."""
    head = b""
    while head.startswith(RTSP[: len(head)]) and len(head) <= ANSWER_BYTES_LIMIT:
        if HEAD_END.search(head):
            return head
        channel.settimeout(_left(ends_at))
        more = channel.recv(ANSWER_BYTES_LIMIT)
        if not more:
            break
        head += more
    return b""


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _target(head: bytes, place: Place) -> str:
    """Return where an answer leads, without the user, the password and the query that its address may hold."""
    found = LOCATION.search(head)
    try:
        parts = urlsplit("" if found is None else found[1].decode(errors="replace"))
        port = parts.port or PORTS.get(parts.scheme, PORTS["rtsp"])
    except ValueError:
        return "what is no address"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    shown = place.shown(f"{host}:{port}{parts.path}" if host else parts.path)
    return NOT_PLAIN.sub("?", shown)[:SHOWN_LENGTH] or "no address"

"""A file behind HTTP as a readable, seekable stream of bytes, in one connection for as long as reading goes on."""

import base64
import io
import string
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from typing import IO, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import (
    BaseHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from originals.access import Access
from originals.errors import Missing, Unreachable, Unreadable
from schemas.identity import without_credentials

TIMEOUT_SECONDS: Final = 10.0
ATTEMPTS: Final = 3
READ_ON_BYTES: Final = 1 << 18
"""A seek forward by no more than this reads on, which is cheaper than another request."""
MOST_DIGITS: Final = 18
PASSING: Final = frozenset((408, 425, 429, *range(500, 600)))
ABSENT: Final = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))


class RemoteFile(io.RawIOBase):
    """The bytes of a URL. `ranged` is false where the server sends only whole files: there, going back begins anew.

    `validator` is what the server says of the version (ETag or Last-Modified). Errors are `Unreadable` (the server refuses) and
    `Unreachable` (it does not answer, breaks off, or the file changes while it is read).
    """

    def __init__(self, url: str, access: Access, keep_on: Callable[[], bool] = lambda: True, shown: str = "") -> None:
        """Ask for the file; nothing is read yet. `access` judges every server, those of redirects too.

        `keep_on` is asked with every piece that the network brings: a server may send without end, or a byte at a time. What it
        raises passes through. `shown` is what errors call the file, by default its address.
        """
        super().__init__()
        self._shown = shown or without_credentials(url)
        try:
            self._url, self._login = _bare(url), _login(url)
        except UnicodeError as error:
            raise Unreadable(f"{self._shown} names no host that can be: {error}") from None
        self._opener = _opener(access, partial(_check_wanted, keep_on, self._shown))
        self._at = self._response_at = 0
        self._response: HTTPResponse | None = self._request(0)
        self.ranged = self._response.status == HTTPStatus.PARTIAL_CONTENT
        self.size_bytes = _size_bytes(self._response, self._shown)
        self.validator = self._response.headers.get("ETag") or self._response.headers.get("Last-Modified") or ""

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True: a server without ranges is read again from the start."""
        return True

    def tell(self) -> int:
        """Return the position in the file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position; the request waits for the next read."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the network has brought bytes; 0 at the end of the file."""
        for _ in range(ATTEMPTS):
            if self._at >= self.size_bytes:
                return 0
            try:
                piece = self._here().read1(len(buffer))
            except (OSError, HTTPException) as error:
                self._drop()
                reason = str(error) or type(error).__name__
                continue
            if piece:
                buffer[: len(piece)] = piece
                self._at += len(piece)
                self._response_at += len(piece)
                return len(piece)
            self._drop()
            reason = "the connection ends early"
        raise Unreachable(f"{self._shown} cannot be read at byte {self._at}: {reason}")

    def close(self) -> None:
        """End the connection."""
        self._drop()
        super().close()

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
        self._response = None

    def _here(self) -> HTTPResponse:
        """Return a response that goes on at the position."""
        if self._response is None or not 0 <= self._at - self._response_at <= self._reads_on_bytes():
            self._drop()
            self._response = self._request(self._at)
            # A server may give ranges and yet the whole file where all of it is asked for.
            self._response_at = self._at if self._response.status == HTTPStatus.PARTIAL_CONTENT else 0
        while self._response_at < self._at:
            skipped = self._response.read1(min(self._at - self._response_at, READ_ON_BYTES))
            if not skipped:
                raise Unreachable(f"{self._shown} ends early, at byte {self._response_at}")
            self._response_at += len(skipped)
        return self._response

    def _reads_on_bytes(self) -> int:
        return READ_ON_BYTES if self.ranged else self.size_bytes

    def _request(self, at: int) -> HTTPResponse:
        headers = {"Range": f"bytes={at}-", "Accept-Encoding": "identity"}
        request = Request(self._url, headers=headers)  # noqa: S310  the opener knows HTTP and nothing else
        if at and self.validator:
            request.add_header("If-Range", self.validator)
        if self._login:
            request.add_unredirected_header("Authorization", self._login)
        response = self._open(request)
        if at and self.ranged and response.status != HTTPStatus.PARTIAL_CONTENT:
            response.close()
            raise Unreachable(f"{self._shown} has changed while it was read")
        return response

    def _open(self, request: Request) -> HTTPResponse:
        try:
            response = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            error.close()
            failure = Missing if error.code in ABSENT else Unreachable if error.code in PASSING else Unreadable
            raise failure(f"{self._shown}: the server answers {error.code} {' '.join(str(error.reason).split())}") from None
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"{self._shown} cannot be reached: {reason}") from None
        except ValueError as error:  # a name that no host can have, here or in a redirect
            raise Unreadable(f"{self._shown} leads to an address that cannot be read: {error}") from None
        assert isinstance(response, HTTPResponse)
        return response


def _check_wanted(keep_on: Callable[[], bool], shown: str) -> None:
    if not keep_on():
        raise Unreachable(f"{shown} was given up: its server is too slow, or does not end")


class _Watched(io.RawIOBase):
    """What a server sends, with a `check` before each piece."""

    def __init__(self, sent: io.RawIOBase, check: Callable[[], None]) -> None:
        super().__init__()
        self._sent, self._check = sent, check

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        self._check()
        return self._sent.readinto(buffer)

    def close(self) -> None:
        self._sent.close()
        super().close()


def _handler(access: Access, check: Callable[[], None]) -> BaseHandler:
    """Return what opens both kinds of address, on connections to allowed servers only."""

    class Response(HTTPResponse):
        """Heads and lengths of chunks are watched too: they may come a byte at a time, as bodies may."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.fp = io.BufferedReader(_Watched(self.fp.detach(), check))

    class Connection(HTTPConnection):
        response_class = Response

        def connect(self) -> None:
            self.sock = access.connect(self.host, self.port, self.timeout)

    class SecureConnection(HTTPSConnection, Connection):
        """`HTTPSConnection` begins TLS on what its next class has connected."""

    class Handler(HTTPHandler, HTTPSHandler):
        def http_open(self, request: Request) -> HTTPResponse:
            return self.do_open(Connection, request)

        def https_open(self, request: Request) -> HTTPResponse:
            return self.do_open(SecureConnection, request)

    return Handler()


class _Redirects(HTTPRedirectHandler):
    """Follows redirects without reading their bodies, which may have no end."""

    def http_error_302(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> HTTPResponse | HTTPError | None:
        fp.close()
        return super().http_error_302(req, io.BytesIO(), code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(access: Access, check: Callable[[], None]) -> OpenerDirector:
    """Return an opener of HTTP and nothing else: a redirect leads to no other protocol."""
    opener = OpenerDirector()
    for handler in (_handler(access, check), _Redirects(), HTTPDefaultErrorHandler(), HTTPErrorProcessor()):
        opener.add_handler(handler)
    return opener


def _bare(url: str) -> str:
    """Return a URL as it is asked for: in ASCII, as people do not write it, without login and fragment."""
    parts = urlsplit(without_credentials(url))
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    return quote(parts._replace(netloc=host, fragment="").geturl(), safe=string.punctuation)


def _login(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.username is None:
        return None
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(words.encode()).decode()


def _size_bytes(response: HTTPResponse, shown: str) -> int:
    text = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get("Content-Length", "")
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise Unreadable(f"{shown}: the server does not say how long the file is")
    return int(text)

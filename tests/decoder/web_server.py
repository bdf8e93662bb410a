"""A small HTTP server for files, with the faults that real ones have."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

PARTIAL: Final = b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-99/999999999999\r\n\r\n"
UNFINISHED: Final = b"HTTP/1.1 206 Partial\r\nServer: "


@dataclass
class Web:
    """What the server does with its files; tests change it while it runs."""

    files: dict[str, bytes]
    ranges: bool = True
    whole_at_first: bool = False
    status: int | None = None
    breaks_after_bytes: int | None = None
    redirect: str | None = None
    login: str | None = None
    tag: str = '"1"'
    requests: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def url(self, path: str) -> str:
        """Address of a file."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def served(web: Web) -> Iterator[Web]:
    """Serve until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(web))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    web.port = server.server_address[1]
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(web: Web, path: str, asked: Message) -> tuple[int, dict[str, str], bytes]:
    if web.redirect is not None:
        return 302, {"Location": web.redirect}, b""
    if web.login is not None and asked.get("Authorization") != web.login:
        return 401, {}, b""
    if web.status is not None or path not in web.files:
        return web.status or 404, {}, b""
    return _file(web, web.files[path], asked)


def _file(web: Web, content: bytes, asked: Message) -> tuple[int, dict[str, str], bytes]:
    first = int(asked.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    if not web.ranges or (web.whole_at_first and not first) or asked.get("If-Range") not in (None, web.tag):
        return 200, {"ETag": web.tag}, content
    where = f"bytes {first}-{len(content) - 1}/{len(content)}"
    return 206, {"ETag": web.tag, "Content-Range": where}, content[first:]


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            super().setup()
            web.connections += 1

        def do_GET(self) -> None:
            web.requests.append(dict(self.headers))
            status, headers, body = _answer(web, self.path, self.headers)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            sent = body if web.breaks_after_bytes is None else body[: web.breaks_after_bytes]
            with suppress(OSError):
                self.wfile.write(sent)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


class Endless:
    """A server of a file that does not end: after `begins` packets of nothing, in pieces of a size, with a pause between them."""

    def __init__(self, piece_bytes: int, pause_seconds: float, begins: bytes = b"", head: bytes = PARTIAL) -> None:
        self._begins, self._head = begins, head
        self._server = socket.create_server(("127.0.0.1", 0))
        self._piece = (b"\x47\x1f\xff\x10" + bytes(184)) * (1 + piece_bytes // 188)
        self._size, self._pause = piece_bytes, pause_seconds
        self._over = threading.Event()
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/endless.ts"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):
                connection, _ = self._server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(self._head + self._begins)
                    while not self._over.wait(self._pause):
                        connection.sendall(self._piece[: self._size])

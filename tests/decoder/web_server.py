"""A small HTTP server for files, with the faults that real ones have."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Web:
    """What the server does with its files; tests change it while it runs."""

    files: dict[str, bytes]
    ranges: bool = True
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
    if not web.ranges or asked.get("If-Range") not in (None, web.tag):
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

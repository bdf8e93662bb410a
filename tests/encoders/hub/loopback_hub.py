"""The few answers of the hub that a download needs, on a loopback port, from a folder."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class LoopbackHub(ThreadingHTTPServer):
    """Serves one repository at one commit, and remembers which files were asked for."""

    daemon_threads = True

    def __init__(self, files: Path, name: str, commit: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files, self.name, self.commit = files, name, commit
        self.asked: set[str] = set()
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def go_away(self) -> None:
        """Answer nothing more, on open connections neither."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serve(files: Path, name: str, commit: str) -> Iterator[LoopbackHub]:
    hub = LoopbackHub(files, name, commit)
    thread = threading.Thread(target=hub.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        hub.go_away()
        thread.join()


class _Answer(BaseHTTPRequestHandler):
    server: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, *, with_body: bool) -> None:
        hub, path = self.server, self.path.partition("?")[0]
        if path in (f"/api/models/{hub.name}/revision/{one}" for one in ("main", hub.commit)):
            siblings = [{"rfilename": file.name, "size": file.stat().st_size} for file in sorted(hub.files.iterdir())]
            self._send(
                200, json.dumps({"id": hub.name, "sha": hub.commit, "siblings": siblings}).encode(), {}, with_body=with_body
            )
        elif path.startswith(f"/{hub.name}/resolve/{hub.commit}/"):
            name = path.rpartition("/")[2]
            hub.asked.add(name)
            content = (hub.files / name).read_bytes()
            headers = {"ETag": f'"{sha256(content).hexdigest()}"', "X-Repo-Commit": hub.commit}
            self._send(200, content, headers, with_body=with_body)
        else:
            code = "RevisionNotFound" if path.startswith(f"/api/models/{hub.name}/") else "RepoNotFound"
            self._send(404, b"{}", {"X-Error-Code": code}, with_body=with_body)

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, with_body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

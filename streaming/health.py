"""`/healthz`, `/readyz` and `/metrics` of a service that has no HTTP API of its own."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from streaming.metrics import Metrics

Ready = Callable[[], Mapping[str, bool]]


class Parts:
    """What a service depends on, and whether each part can be used."""

    def __init__(self, *names: str) -> None:
        """Nothing can be used yet."""
        self._usable: dict[str, Callable[[], bool]] = dict.fromkeys(names, lambda: False)

    def ready(self, name: str, is_usable: Callable[[], bool] = lambda: True) -> None:
        """From now on a part can be used, as long as `is_usable` says so; it is asked on the thread of the request."""
        self._usable[name] = is_usable

    def __call__(self) -> Mapping[str, bool]:
        """Return every part and whether it can be used now."""
        return {name: is_usable() for name, is_usable in self._usable.items()}


class HealthServer:
    """Serves health on a thread of its own. `ready` says for each dependency whether it can be used."""

    def __init__(self, port: int, ready: Ready, metrics: Metrics, *, host: str = "127.0.0.1") -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(ready, metrics))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port, also where 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(ready: Ready, metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(HTTPStatus.OK, "application/json", b'{"status":"alive"}')
            elif self.path == "/readyz":
                parts = dict(ready())
                status = HTTPStatus.OK if all(parts.values()) else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "application/json", orjson.dumps({"ready": status == HTTPStatus.OK, "parts": parts}))
            elif self.path == "/metrics":
                self._answer(HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", metrics.text())
            else:
                self._answer(HTTPStatus.NOT_FOUND, "application/json", b'{"title":"expected /healthz, /readyz or /metrics"}')

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: probes come every second."""

    return Handler

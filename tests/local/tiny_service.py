"""A service for tests of the launcher: `/readyz` on its port, SIGTERM ends it, a file named by TINY_FAILS ends it at once."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn


class Answer(BaseHTTPRequestHandler):
    """Says yes to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def stop(*_: object) -> NoReturn:
    """Write down when this service stopped."""
    if order := os.environ.get("TINY_ORDER"):
        with Path(order).open("a") as file:
            file.write(f"{os.environ['TINY_NAME']}\n")
    os._exit(0)


def main() -> None:
    """Answer until SIGTERM."""
    if (fails := os.environ.get("TINY_FAILS")) and Path(fails).exists():
        sys.exit("the camera is on fire")
    signal.signal(signal.SIGTERM, stop)
    HTTPServer(("127.0.0.1", int(os.environ["TINY_PORT"])), Answer).serve_forever()


if __name__ == "__main__":
    main()

"""A real HTTP server on a free loopback port, for tests that need ranges, cookies or a browser."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from services.query.heads import BoundedHeads


@contextmanager
def serve(app: ASGIApp, http: type[asyncio.Protocol] = BoundedHeads) -> Iterator[str]:
    """Serve `app` in a thread, by the protocol of the service, and yield its base address; it is stopped on exit.

    The socket listens before the server starts, so a client may connect at once and waits in the kernel's queue.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, http=http, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)

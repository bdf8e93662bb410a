"""A way to a server on a Unix socket that can be slow, or refuse."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

CHUNK_BYTES: Final = 256 * 1024
WITHIN_SECONDS: Final = 10.0


class Relay:
    """Forwards connections on the socket `path` to the socket `target` while its block runs, in a thread of its own.

    Attributes:
        delay_seconds: how long each piece of either direction is held back.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self._target = path, target
        self.delay_seconds = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.accept()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN_SECONDS)
        self._loop.close()

    def accept(self) -> None:
        """Take connections."""
        self._do(self._listen())

    def refuse(self) -> None:
        """Break the connections that are there and refuse new ones."""
        self._do(self._hang_up())

    async def _listen(self) -> None:
        self.path.unlink(missing_ok=True)
        self._listener = await asyncio.start_unix_server(self._forward, self.path)

    async def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self.path.unlink(missing_ok=True)
        while self._connections:
            for writer in list(self._connections):
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_unix_connection(os.fspath(self._target))
        except OSError:  # the server is not there: its client sees a closed connection and tries again
            writer.close()
            return
        both = {writer, inner_writer}
        self._connections |= both
        try:
            await asyncio.gather(self._pump(reader, inner_writer), self._pump(inner_reader, writer))
        finally:
            self._connections -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                writer.write(chunk)
                await writer.drain()
        writer.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_SECONDS)

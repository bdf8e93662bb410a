"""A way to a server that can be slow, or refuse."""

import asyncio
import contextlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

CHUNK_BYTES: Final = 256 * 1024
WITHIN_SECONDS: Final = 10.0

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PassOn = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Forwarder(ABC):
    """Forwards connections while its block runs, in a thread of its own."""

    def __init__(self) -> None:
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
        self._do(self._take())

    def refuse(self) -> None:
        """Break the connections that are there and refuse new ones."""
        self._do(self._hang_up())

    @abstractmethod
    async def _listen(self) -> asyncio.Server:
        """Listen, and give every connection to `_forward`."""

    @abstractmethod
    async def _reach(self) -> Ends:
        """Connect to the server; raises `OSError`."""

    @abstractmethod
    async def _carry(self, client: Ends, server: Ends) -> None:
        """Carry what either end says to the other, until both have ended."""

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await self._reach()
        except OSError:  # the server is not there: its client sees a closed connection and tries again
            writer.close()
            return
        both = {writer, server[1]}
        self._connections |= both
        try:
            await self._carry((reader, writer), server)
        finally:
            self._connections -= both

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pass_on: PassOn) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                await pass_on(chunk, writer)
                await writer.drain()
        writer.close()

    async def _take(self) -> None:
        self._listener = await self._listen()

    async def _hang_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        while self._connections:
            for writer in list(self._connections):
                writer.transport.abort()
            await asyncio.sleep(0)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_SECONDS)


class Relay(Forwarder):
    """The way from the socket `path` to the socket `target`.

    Attributes:
        delay_seconds: how long each piece of either direction is held back.
    """

    def __init__(self, path: Path, target: Path) -> None:
        super().__init__()
        self.path, self._target = path, target
        self.delay_seconds = 0.0

    async def _listen(self) -> asyncio.Server:
        self.path.unlink(missing_ok=True)
        return await asyncio.start_unix_server(self._forward, self.path)

    async def _hang_up(self) -> None:
        self.path.unlink(missing_ok=True)
        await super()._hang_up()

    async def _reach(self) -> Ends:
        return await asyncio.open_unix_connection(os.fspath(self._target))

    async def _carry(self, client: Ends, server: Ends) -> None:
        await asyncio.gather(self._pump(client[0], server[1], self._late), self._pump(server[0], client[1], self._late))

    async def _late(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        writer.write(chunk)

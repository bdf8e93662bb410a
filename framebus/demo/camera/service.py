"""The server inside its loop: listening, connections, the cameras' clocks."""

import asyncio
from collections.abc import Callable, Mapping

from framebus.demo.camera.datagrams import UdpPair
from framebus.demo.camera.mount import Mount
from framebus.demo.camera.session import Session


class RtspService:
    """Serves mounts on one port. All methods run in the loop of `run`."""

    def __init__(self, mounts: Mapping[str, Mount], host: str, port: int) -> None:
        self.mounts, self.host, self.port = mounts, host, port
        self._sessions: dict[asyncio.Task[None], Session] = {}
        self._listener: asyncio.Server | None = None
        self._udp: UdpPair | None = None

    async def run(self, opened: Callable[[], None], stop: asyncio.Event) -> None:
        """Serve until `stop`, and call `opened` when connections are taken; an error of a camera is an error of this."""
        self._udp = UdpPair(self.host)
        try:
            await self.listen()
            opened()
            async with asyncio.TaskGroup() as group:
                clocks = [group.create_task(mount.run()) for mount in self.mounts.values()]
                await stop.wait()
                for clock in clocks:
                    clock.cancel()
        finally:
            await self.hang_up()
            self._udp.close()

    async def listen(self) -> None:
        """Accept connections; the first time on a free port where none was given, then always on the same."""
        self._listener = await asyncio.start_server(self._connected, self.host, self.port, backlog=512)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def hang_up(self) -> None:
        """Refuse connections and end those that are there."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._end(self._sessions)

    async def drop(self, mount: Mount) -> None:
        """End the connections of one camera."""
        await self._end({task: session for task, session in self._sessions.items() if session.watches(mount)})

    async def _end(self, sessions: Mapping[asyncio.Task[None], Session]) -> None:
        ended = dict(sessions)
        for session in ended.values():
            session.abort()
        await asyncio.gather(*ended)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        assert self._udp is not None
        session = Session(self.mounts, reader, writer, self._udp)
        self._sessions[task] = session
        try:
            await session.run()
        finally:
            del self._sessions[task]

"""The camera server in a thread of its own, for a test, a bench or a demonstration."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from framebus.demo.camera.mount import Begin, Mount
from framebus.demo.camera.service import RtspService
from framebus.demo.camera.track import Source

WITHIN_SECONDS: Final = 10.0


class CameraServer:
    """Serves sources by name while its block runs.

    Port 0 lets the system choose. `login` is the user and password of all cameras; a mount's own may be changed.
    `staggered` starts the cameras at different places of their clips, so that keyframes do not come all at once.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        login: tuple[str, str] | None = None,
        begin: Begin = "last keyframe",
        staggered: bool = False,
    ) -> None:
        ahead_seconds = [0.37 * number % 10 if staggered else 0.0 for number in range(len(sources))]
        self._mounts = {
            name: Mount(source, login=login, begin=begin, ahead_seconds=ahead)
            for (name, source), ahead in zip(sources.items(), ahead_seconds, strict=True)
        }
        self._service = RtspService(self._mounts, host, port)
        self._opened: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="cameras", daemon=True)

    def __enter__(self) -> Self:
        """Start; raises `OSError` when the port is taken."""
        self._thread.start()
        self._loop = self._opened.result(WITHIN_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop, whatever the clients do."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WITHIN_SECONDS)

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return self._service.port

    def mount(self, name: str) -> Mount:
        """Return a camera, for its faults and its counts."""
        return self._mounts[name]

    def url(self, name: str, *, login: tuple[str, str] | None = None) -> str:
        """Return the address of a camera, with its login or another one."""
        known = login or self._mounts[name].login
        credentials = ":".join(quote(word, safe="") for word in known) + "@" if known else ""
        return f"rtsp://{credentials}{self._service.host}:{self.port}/{quote(name)}"

    def go_down(self) -> None:
        """End every connection and refuse new ones."""
        self._await(self._service.hang_up())

    def come_back(self) -> None:
        """Accept connections again, on the same port; RTP streams begin anew, as after a restart."""
        self._await(self._restart())

    def drop(self, name: str) -> None:
        """End the connections of one camera; it takes new ones."""
        self._await(self._service.drop(self._mounts[name]))

    def switch(self, name: str, source: Source) -> None:
        """Let a camera show another source; connections stay where the tracks are of the same kind, and end where not."""
        self._await(self._switch(self._mounts[name], source))

    async def _switch(self, mount: Mount, source: Source) -> None:
        before = [track.encoding for track in mount.tracks]
        mount.switch(source)
        if before != [track.encoding for track in source.tracks]:
            await self._service.drop(mount)

    async def _restart(self) -> None:
        for mount in self._mounts.values():
            mount.restart()
        await self._service.listen()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        try:
            await self._service.run(lambda: self._opened.set_result(loop), self._stop)
        except OSError as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_SECONDS)

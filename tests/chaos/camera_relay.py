"""A way to a camera that can stop in the middle of a picture, and that loses datagrams."""

import asyncio
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Final

from framebus.demo.camera.datagrams import UdpPair
from tests.chaos.losses import Losses
from tests.chaos.relay import Ends, Forwarder

HOST: Final = "127.0.0.1"
DATAGRAM_BYTES: Final = 65_536
CLIENT_PORTS: Final = re.compile(rb"client_port=(\d+)-(\d+)")
SERVER_PORTS: Final = re.compile(rb"server_port=\d+-\d+")


class CameraRelay(Forwarder):
    """The way to the RTSP server at the port `target`: requests, what is interleaved in them, and RTP over UDP beside them.

    Viewers over UDP do not get all of it: which datagrams are lost is drawn from `seed`, anew for each.

    Attributes:
        datagrams: how many were carried (False) and lost (True).
    """

    def __init__(self, target: int, seed: int) -> None:
        super().__init__()
        self._target, self._seed = target, seed
        self._flows = asyncio.Event()
        self._flows.set()
        self.datagrams: Counter[bool] = Counter()
        self.port = 0

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
        super().__exit__(kind, error, trace)

    def hold(self) -> None:
        """Stop in the middle of what comes next. Connections stay, and new ones are taken; datagrams are lost."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def release(self) -> None:
        """Go on, first with what was held."""
        self._loop.call_soon_threadsafe(self._flows.set)

    async def _listen(self) -> asyncio.Server:
        listener = await asyncio.start_server(self._forward, HOST, self.port)
        self.port = listener.sockets[0].getsockname()[1]
        return listener

    async def _reach(self) -> Ends:
        return await asyncio.open_connection(HOST, self._target)

    async def _carry(self, client: Ends, server: Ends) -> None:
        with Datagrams(self._seed, self._flows.is_set, self.datagrams).on(self._loop) as datagrams:
            asked, answered = partial(self._pass, datagrams.asked), partial(self._pass, datagrams.answered)
            await asyncio.gather(self._pump(client[0], server[1], asked), self._pump(server[0], client[1], answered))

    async def _pass(self, name: Callable[[bytes], bytes], chunk: bytes, writer: asyncio.StreamWriter) -> None:
        named = name(chunk)
        if not self._flows.is_set():
            half = len(named) // 2
            writer.write(named[:half])
            await self._flows.wait()
            named = named[half:]
        writer.write(named)


class Datagrams:
    """RTP and RTCP of one viewer: they come to ports of our own, which each side knows as those of the other."""

    def __init__(self, seed: int, flows: Callable[[], bool], counted: Counter[bool]) -> None:
        self._losses = Losses(seed), Losses(seed + 1)
        self._flows, self._counted = flows, counted
        self._pair: UdpPair | None = None
        self._ports = b""

    @contextmanager
    def on(self, loop: asyncio.AbstractEventLoop) -> Iterator["Datagrams"]:
        """Forward while the block runs."""
        self._loop = loop
        try:
            yield self
        finally:
            if self._pair is not None:
                loop.remove_reader(self._pair.rtp)
                loop.remove_reader(self._pair.rtcp)
                self._pair.close()

    def asked(self, request: bytes) -> bytes:
        """Return a request (each comes in one piece) as the server is to see it: with our ports."""
        found = CLIENT_PORTS.search(request)
        if found is None:
            return request
        self._ports = found[0]
        self._pair = self._pair or self._opened(int(found[1]), int(found[2]))
        return CLIENT_PORTS.sub(b"client_port=" + self._pair.ports.encode(), request)

    def answered(self, response: bytes) -> bytes:
        """Return a response as the viewer is to see it: with our ports as the server's, and its own."""
        if self._pair is None:
            return response
        named = SERVER_PORTS.sub(b"server_port=" + self._pair.ports.encode(), response)
        return CLIENT_PORTS.sub(self._ports, named)

    def _opened(self, rtp_port: int, rtcp_port: int) -> UdpPair:
        pair = UdpPair(HOST)
        for sender, port, losses in zip((pair.rtp, pair.rtcp), (rtp_port, rtcp_port), self._losses, strict=True):
            self._loop.add_reader(sender, self._forward, sender, port, losses)
        return pair

    def _forward(self, through: socket.socket, port: int, losses: Losses) -> None:
        with suppress(OSError):
            datagram, (_, sender) = through.recvfrom(DATAGRAM_BYTES)
            if sender == port or not self._flows():  # what comes from the viewer are reports, which nobody reads
                return
            is_lost = losses.is_lost()
            self._counted[is_lost] += 1
            if not is_lost:
                through.sendto(datagram, (HOST, port))

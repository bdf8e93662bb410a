"""RTP over UDP: one pair of sockets for all viewers of a server."""

import asyncio
import random
import socket
from collections import deque
from typing import Final

from framebus.demo.camera.faults import Faults
from framebus.demo.camera.rtp import Packets

SLICE_BYTES: Final = 48_000
SLICE_SECONDS: Final = 0.004
"""A GOP at once would overrun the receive buffer of a viewer, so packets leave in slices, at up to 12 MB/s."""


class UdpPair:
    """The sockets for RTP (an even port) and RTCP (the odd port above)."""

    def __init__(self, host: str) -> None:
        self.rtp, self.rtcp, self._port = _bound_pair(host)

    @property
    def ports(self) -> str:
        """The two ports, as a Transport header names them."""
        return f"{self._port}-{self._port + 1}"

    def close(self) -> None:
        """Close both."""
        self.rtp.close()
        self.rtcp.close()


class Datagrams:
    """One track to one viewer over UDP."""

    def __init__(self, pair: UdpPair, host: str, ports: tuple[int, int], seed: int) -> None:
        self._pair = pair
        self._rtp, self._rtcp = ((host, port) for port in ports)
        self._waiting: deque[memoryview] = deque()
        self._draw = random.Random(seed)  # noqa: S311  it decides which packets are lost
        self._paced: asyncio.TimerHandle | None = None

    def send(self, packets: Packets, faults: Faults) -> None:
        """Send the packets, but for those that the network is to lose."""
        for datagram in packets.datagrams():
            if faults.udp_loss == 0.0 or self._draw.random() >= faults.udp_loss:
                self._waiting.append(datagram)
        if self._paced is None:
            self._send_slice()

    def report(self, report: bytes) -> None:
        """Send an RTCP packet."""
        _send(self._pair.rtcp, report, self._rtcp)

    def _send_slice(self) -> None:
        sent_bytes = 0
        while self._waiting and sent_bytes < SLICE_BYTES:
            datagram = self._waiting.popleft()
            sent_bytes += len(datagram)
            _send(self._pair.rtp, datagram, self._rtp)
        self._paced = asyncio.get_running_loop().call_later(SLICE_SECONDS, self._send_slice) if self._waiting else None


def _send(sender: socket.socket, datagram: bytes | memoryview, address: tuple[str, int]) -> None:
    """Send, or lose: a full buffer and a port that nobody listens on are what UDP is like."""
    if sender.fileno() >= 0:
        try:
            sender.sendto(datagram, address)
        except OSError:
            return


def _bound_pair(host: str) -> tuple[socket.socket, socket.socket, int]:
    while True:
        rtp = _bound(host, 0)
        port = rtp.getsockname()[1]
        try:
            if port % 2 == 0:
                return rtp, _bound(host, port + 1), port
        except OSError:
            pass
        rtp.close()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound

"""Those who watch: where the packets of a mount go."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol

from framebus.demo.camera.faults import Faults
from framebus.demo.camera.rtp import Packets

UNREAD_BYTES_LIMIT: Final = 32 << 20


class Delivery(Protocol):
    """How one track reaches one viewer."""

    def send(self, packets: Packets, faults: Faults) -> None:
        """Send the packets of a unit."""
        ...

    def report(self, report: bytes) -> None:
        """Send an RTCP packet."""
        ...


@dataclass(eq=False)
class Viewer:
    """A session that plays. It has begun once it got something to begin with."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    begun: bool = False
    next_report_seconds: float = 0.0

    def send(self, track: int, packets: Packets, faults: Faults) -> None:
        """Send the packets of a unit, if the viewer asked for its track."""
        delivery = self.deliveries.get(track)
        if delivery is not None:
            delivery.send(packets, faults)


class Interleaved:
    """RTP in the RTSP connection: one write for all packets of a unit."""

    def __init__(self, transport: asyncio.WriteTransport, channel: int) -> None:
        self._transport = transport
        self._channel = channel

    def send(self, packets: Packets, faults: Faults) -> None:
        """Write the packets; a viewer that has stopped reading is dropped before it fills the memory."""
        if self._transport.get_write_buffer_size() > UNREAD_BYTES_LIMIT:
            self._transport.abort()
        framed = packets.framed if packets.framed[1] == self._channel else packets.on_channel(self._channel).framed
        self._transport.write(framed)

    def report(self, report: bytes) -> None:
        """Write an RTCP packet on the channel beside."""
        self._transport.write(b"$" + bytes((self._channel + 1,)) + len(report).to_bytes(2) + report)

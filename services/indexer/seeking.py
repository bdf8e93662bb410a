"""A Faust consumer that begins every partition where it must: also those that have no commit yet.

What Faust fetches while a rebalance is at work it throws away, and then seeks every partition back to its commit. aiokafka's
`seek_to_committed` leaves a partition alone whose commit is absent or 0: what was thrown away of it would never come.
"""

from collections.abc import Mapping
from typing import Any

from faust.transport.drivers import aiokafka as driver


class _Thread(driver.AIOKafkaConsumerThread):
    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Seek every partition to its commit, and to the log's beginning where there is none."""
        committed = await super().seek_to_committed()
        unsought = [partition for partition, offset in committed.items() if not offset or offset < 0]
        if unsought:
            await self.seek_to_beginning(*unsought)
        return committed

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Ask nothing: Faust's check only logs, and ends the process where a partition's beginning is still being asked for."""


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class SeekingTransport(driver.Transport):
    """Faust's transport over aiokafka, with this consumer."""

    Consumer = _Consumer

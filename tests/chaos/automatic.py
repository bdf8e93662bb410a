"""The live lane as Faust's own examples acknowledge: each event when the next one is asked for. It loses rows, on purpose."""

from functools import partial
from typing import Any

from services.indexer.__main__ import main
from services.indexer.live import LiveLane
from streaming.main import run_service
from streaming.records import Partition
from streaming.stage import Reached


class AutomaticLane(LiveLane):
    """Leaves acknowledging to Faust, which knows nothing of windows and of Milvus."""

    async def _read(self, stream: Any) -> None:
        async for event in stream.events():
            await self._events.put(event)
            self._arrived.set()

    async def _acknowledge(self, reached: dict[Partition, Reached]) -> None:
        pass


if __name__ == "__main__":
    run_service("indexer", partial(main, lane_type=AutomaticLane))

"""Moments that can be found before they are recorded: a row takes tenths of a second, the recorder writes a GOP at a time.

Waiting a little shows the moment itself. An earlier picture in its place would show what was not found, and an error at once
would be what a user meets with most hits of the last second.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from services.query.media.footage import Footage

WAIT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.1
FRESH_MS: Final = 20_000


class Patience:
    """The seconds that one request may wait for what a camera shows until `t_ms`."""

    def __init__(self, t_ms: int) -> None:
        now_ms = time.time() * 1000
        self._until = time.monotonic() + WAIT_SECONDS
        self.is_in_vain = not now_ms - FRESH_MS <= t_ms <= now_ms + WAIT_SECONDS * 1000
        """Whether that was recorded long ago or never, or will not be while somebody waits."""

    async def growth(self, look: Callable[[], Footage], last: Footage) -> Footage | None:
        """Return the footage once it is another than `last`; None when the time is over."""
        while not self.is_in_vain and time.monotonic() < self._until:
            await asyncio.sleep(LOOK_SECONDS)
            footage = await asyncio.to_thread(look)
            if footage.state != last.state:
                return footage
        return None

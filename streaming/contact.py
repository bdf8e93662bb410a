"""When Kafka was last heard of, as a client's own statistics say: nothing is asked, so nothing waits and no thread is needed."""

import math
import time
from typing import Any, Final

import orjson

EVERY_MS: Final = 2_000
SILENT_SECONDS: Final = 15.0
"""A consumer has an answer twice a second, also where nothing is written; no loop is busy for this long between two polls."""


class Contact:
    """Takes the statistics of a consumer that reads; librdkafka hands them over while that consumer is polled."""

    def __init__(self) -> None:
        self._heard_at = -math.inf

    def settings(self) -> dict[str, Any]:
        """Return what the consumer is made with."""
        return {"statistics.interval.ms": EVERY_MS, "stats_cb": self._take}

    def hear(self) -> None:
        """Note an answer that needs no statistics: the first of them take a while."""
        self._heard_at = time.monotonic()

    def is_kept(self) -> bool:
        """Whether some broker is connected and has answered lately; from any thread."""
        return time.monotonic() - self._heard_at < SILENT_SECONDS

    def _take(self, statistics: str) -> None:
        brokers = orjson.loads(statistics)["brokers"].values()
        idle_microseconds = min((broker["rxidle"] for broker in brokers if broker["state"] == "UP"), default=math.inf)
        self._heard_at = time.monotonic() - idle_microseconds / 1e6

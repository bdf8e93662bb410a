"""Whether the collection that is written is still the one that is searched."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from services.indexer.store import Store
from streaming.errors import Stopped, Unavailable
from streaming.logs import get_logger

LOOK_SECONDS: Final = 2.0
log = get_logger("allegiance")


class Allegiance:
    """Ends the process when the alias has gone to another collection of the space. Started again, it writes to that one, from
    where its filling has ended.

    Nothing more is committed then: the group may have been put there already. Kafka does that while the group has no members, so
    one that was frozen meanwhile is given its partitions anew when it wakes, and asks before anything of them is written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "allegiance")
        self._look: Future[str | None] | None = None
        self._next_at = 0.0

    def check(self) -> None:
        """Look now; raises `Stopped` when the alias has gone, and `Unavailable`."""
        self._judge(self._store.named())

    def follow(self) -> None:
        """Begin a look when it is time for one, on a thread of its own, and judge the last; raises `Stopped` as `check` does."""
        if time.monotonic() < self._next_at or (self._look is not None and not self._look.done()):
            return
        self._judge(self._look.result() if self._look is not None else None)
        self._next_at = time.monotonic() + LOOK_SECONDS
        self._look = self._thread.submit(self._named)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _judge(self, named: str | None) -> None:
        if named not in (None, self._store.collection):
            log.info("another collection has the alias: to be started again", collection=named)
            raise Stopped

    def _named(self) -> str | None:
        try:
            return self._store.named()
        except Unavailable:
            return None

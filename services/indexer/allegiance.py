"""Whether the collection that is written is still the one that is searched."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from services.indexer.store import Store
from streaming.errors import Unavailable
from streaming.logs import get_logger

LOOK_SECONDS: Final = 2.0
log = get_logger("allegiance")


class Allegiance:
    """Looks now and then, on a thread of its own, where the alias is. When it has gone to another collection of the space, the
    process is asked to stop: it commits what it has done, and started again it writes to that one, from where its filling ended.
    """

    def __init__(self, store: Store, stopping: threading.Event) -> None:
        self._store, self._stopping = store, stopping
        self._thread = ThreadPoolExecutor(1, "allegiance")
        self._look: Future[str | None] | None = None
        self._next_at = 0.0

    def follow(self) -> None:
        """Begin a look when it is time for one, and act on the last, without waiting."""
        if time.monotonic() < self._next_at or (self._look is not None and not self._look.done()):
            return
        named = self._look.result() if self._look is not None else None
        if named not in (None, self._store.collection):
            log.info("another collection has the alias: to be started again", collection=named)
            self._stopping.set()
        self._next_at = time.monotonic() + LOOK_SECONDS
        self._look = self._thread.submit(self._named)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _named(self) -> str | None:
        try:
            return self._store.named()
        except Unavailable:
            return None

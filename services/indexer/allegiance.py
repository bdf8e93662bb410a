"""Whether the collection that is written is still the one that is searched."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from services.indexer.store import Store
from streaming.errors import Stopped, Unavailable
from streaming.logs import get_logger

LOOK_SECONDS: Final = 2.0
GONE_LOOKS: Final = 3
"""So many looks in a row must find neither the alias nor the collection: nothing is made anew because of one odd answer."""
log = get_logger("allegiance")


class Allegiance:
    """Ends the process when the alias has gone to another collection of the space. Started again, it writes to that one. It ends
    too when no collection has the alias and its own is gone, as where Milvus was emptied: started again, it makes one.

    Nothing more is committed then: the group may have been put there already. Kafka does that while the group has no members, so
    one that was frozen meanwhile is given its partitions anew when it wakes, and asks before anything of them is written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "allegiance")
        self._look: Future[tuple[str | None, bool]] | None = None
        self._next_at = 0.0
        self._gone_looks = 0

    def check(self) -> None:
        """Look now; raises `Stopped` when the alias has gone, and `Unavailable`."""
        self._judge(self._store.named())

    def follow(self) -> None:
        """Begin a look when it is time for one, on a thread of its own, and judge the last; raises `Stopped` as `check` does."""
        if time.monotonic() < self._next_at or (self._look is not None and not self._look.done()):
            return
        if self._look is not None:
            named, is_gone = self._look.result()
            self._judge(named)
            self._judge_gone(is_gone)
        self._next_at = time.monotonic() + LOOK_SECONDS
        self._look = self._thread.submit(self._looked)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _judge(self, named: str | None) -> None:
        if named not in (None, self._store.collection):
            log.info("another collection has the alias: to be started again", collection=named)
            raise Stopped

    def _judge_gone(self, is_gone: bool) -> None:
        self._gone_looks = self._gone_looks + 1 if is_gone else 0
        if self._gone_looks == GONE_LOOKS:
            log.error(
                "the collection is gone and none has the alias: to be started again, with a new one. "
                "What it held is filled again by python -m services.indexer.rebuild (docs/operations.md)",
                collection=self._store.collection,
            )
            raise Stopped

    def _looked(self) -> tuple[str | None, bool]:
        """Return the collection that has the alias, and whether Milvus says that there is none and the own one does not exist."""
        try:
            named = self._store.named()
            if named is None and not self._store.is_there():
                return None, True
            if named in (None, self._store.collection):
                self._store.load_again()
        except Unavailable:
            return None, False
        return named, False

"""What is left of the media of lives that are over is deleted, now and then, on a thread of its own."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from services.query.media.removal import sweep_media
from services.query.media.store import MediaStore
from services.query.sources import SourceBook
from streaming.logs import get_logger

ROUND_SECONDS: Final = 60.0
log = get_logger("media")


class MediaSweep:
    """Sweeps once the sources are known, and every minute. Several may do so side by side: what is deleted twice is gone."""

    def __init__(self, store: MediaStore, book: SourceBook) -> None:
        self._store, self._book = store, book
        self._thread = ThreadPoolExecutor(1, "media-sweep")
        self._round: Future[None] | None = None
        self._next_at = 0.0

    def follow(self) -> None:
        """Begin a round when it is time for one, without waiting; raises what the last one failed with."""
        if time.monotonic() < self._next_at or (self._round is not None and not self._round.done()):
            return
        if self._round is not None:
            self._round.result()
        self._next_at = time.monotonic() + ROUND_SECONDS
        self._round = self._thread.submit(self._sweep)

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._thread.shutdown()

    def _sweep(self) -> None:
        try:
            removed = sweep_media(self._store, self._book.by_number().values())
        except OSError as error:
            log.warning("not swept", reason=str(error))
            return
        if removed.files:
            log.info("media of lives that are over removed", files=removed.files, bytes=removed.bytes)

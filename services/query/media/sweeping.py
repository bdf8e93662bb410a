"""What is left of the media of lives that are over is deleted, now and then, on a thread of its own."""

from typing import Final

from services.query.media.removal import WhileUnchanged, sweep_media
from services.query.media.store import MediaStore
from services.query.sources import SourceBook
from streaming.logs import get_logger
from streaming.rounds import Rounds

ROUND_SECONDS: Final = 60.0
log = get_logger("media")


class MediaSweep:
    """Sweeps once the sources are known, and every minute. Several may do so side by side: what is deleted twice is gone."""

    def __init__(self, store: MediaStore, book: SourceBook, while_unchanged: WhileUnchanged) -> None:
        self._store, self._book, self._while_unchanged = store, book, while_unchanged
        self._rounds = Rounds("media-sweep", ROUND_SECONDS)

    def follow(self) -> None:
        """Begin a round when it is time for one, without waiting; raises what the last one failed with."""
        self._rounds.follow(lambda: self._sweep)

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._rounds.close()

    def _sweep(self) -> None:
        try:
            removed = sweep_media(self._store, self._while_unchanged, self._book.by_number().values())
        except OSError as error:
            log.warning("not swept", reason=str(error))
            return
        if removed.files:
            log.info("media of lives that are over removed", files=removed.files, bytes=removed.bytes)

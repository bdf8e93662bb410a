"""What is left of lives that are over is deleted, media and passwords, now and then, on a thread of its own."""

from collections.abc import Callable
from typing import Final

from schemas.messages import Source
from services.query.media.removal import Removed, sweep_media
from services.query.media.store import MediaStore
from services.query.passwords import Passwords
from services.query.readiness import Readiness
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from streaming.logs import get_logger
from streaming.rounds import Rounds

ROUND_SECONDS: Final = 60.0
log = get_logger("sweep")


class Sweep:
    """Sweeps once the sources are known, and every minute. Several may do so side by side: what is deleted twice is gone.

    A life that a record on its way to Kafka ends is not over: Kafka may never get it, and what was recorded would be gone.
    """

    def __init__(
        self, store: MediaStore, passwords: Passwords, book: SourceBook, writer: SourceWriter, readiness: Readiness
    ) -> None:
        self._store, self._passwords, self._book, self._writer, self._readiness = store, passwords, book, writer, readiness
        self._rounds = Rounds("sweep", ROUND_SECONDS)

    def follow(self) -> None:
        """Begin a round when it is time for one, without waiting; raises what the last one failed with."""
        self._rounds.follow(lambda: self._sweep)

    def close(self) -> None:
        """End the thread; what it has begun it finishes."""
        self._rounds.close()

    def _sweep(self) -> None:
        try:
            sources = [source for source in self._book.by_number().values() if self._book.is_acknowledged(source.source_id)]
            removed = sweep_media(self._store, self._while_written, sources)
            if self._readiness.parts()["kafka"]:  # else another query may have written what is not known here
                self._passwords.sweep(self._book, self._writer.while_unchanged)
        except OSError as error:
            log.warning("not swept", reason=str(error))
            return
        if removed.files:
            log.info("media of lives that are over removed", files=removed.files, bytes=removed.bytes)

    def _while_written(self, source_id: str, act: Callable[[Source | None], Removed]) -> Removed:
        """As `SourceWriter.while_unchanged`, of a source of which Kafka has every record; else nothing is removed."""

        def judge(record: Source | None) -> Removed:
            return act(record) if self._book.is_acknowledged(source_id) else Removed()

        return self._writer.while_unchanged(source_id, judge)

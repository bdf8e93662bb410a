"""The one writer of topic `sources` in this process."""

import threading
from collections.abc import Callable
from typing import TypeVar

from schemas.messages import Source
from schemas.topics import SOURCES
from services.query.sources import SourceBook
from streaming.outbox import Outbox

T = TypeVar("T")
Next = Callable[[Source | None], Source | None]


class SourceWriter:
    """Changes records one after the other, each from the newest one. Safe to use from several threads."""

    def __init__(self, outbox: Outbox, book: SourceBook) -> None:
        self._outbox, self._book = outbox, book
        self._lock = threading.Lock()

    def send(self, source_id: str, next_of: Next) -> Source | None:
        """Hand Kafka the record that `next_of` makes of the last one (None: leave it), and return the record in force.

        A record that says what the last one said is sent too: whoever owns the source then looks at its file again.
        """
        with self._lock:
            last = self._book.record(source_id)
            record = next_of(last)
            if record is None:
                return last
            self._outbox.send_message(
                SOURCES.name, record, key=source_id, on_delivered=lambda _, offset: self._book.delivered(source_id, offset)
            )
            self._book.sent(record)
            return record

    def while_unchanged(self, source_id: str, act: Callable[[Source | None], T]) -> T:
        """Return what `act` makes of the newest record of a source; no record is changed here until it has returned."""
        with self._lock:
            return act(self._book.record(source_id))

    def change(self, source_id: str, next_of: Next) -> Source | None:
        """As `send`, and wait until Kafka has the record; `Unavailable` when it has not within seconds, though it will."""
        record = self.send(source_id, next_of)
        self.flush()
        return record

    def flush(self) -> None:
        """Wait until Kafka has every record that was sent; `Unavailable` when it has not within seconds."""
        self._outbox.flush()

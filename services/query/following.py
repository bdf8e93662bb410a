"""The thread that follows the bus: sources and their states into the book, requests of other services into `sources`."""

import time
from collections.abc import Collection, Sequence
from typing import Any, Final

from schemas.errors import InvalidMessage
from schemas.messages import ChunkStatus, IndexEvent, Source, SourceRequest, SourceStatus, decode
from schemas.topics import CHUNK_STATUS, INDEX_EVENTS, SOURCE_REQUESTS, SOURCE_STATUS, SOURCES
from services.query import filters, wanted
from services.query.readiness import Readiness
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.store import Store
from streaming.errors import Unavailable
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.rounds import Rounds
from streaming.stage import Reached, Start
from streaming.state import Broadcast, StateTopic

CHECK_SECONDS: Final = 0.25
PING_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1.0
BATCH_SOURCES: Final = 200
AGAIN_SOURCES: Final = 50
"""So many of those asked for before: where each lacks a row it takes a read of each, and all others wait for that."""

Waiting = list[tuple[Source, int]]


class Following:
    """A stage over `source-requests` that also follows states and index events and asks Milvus for what is promised."""

    def __init__(
        self,
        bootstrap: str,
        book: SourceBook,
        writer: SourceWriter,
        store: Store,
        outbox: Outbox,
        readiness: Readiness,
        sample_fps: float,
    ) -> None:
        self._book, self._writer, self._store, self._outbox = book, writer, store, outbox
        self._readiness, self._sample_fps = readiness, sample_fps
        self._sources = StateTopic(bootstrap, SOURCES, Source)
        self._statuses = StateTopic(bootstrap, SOURCE_STATUS, SourceStatus)
        self._chunks = StateTopic(bootstrap, CHUNK_STATUS, ChunkStatus)
        self._events = Broadcast(bootstrap, INDEX_EVENTS, IndexEvent)
        self._processed: dict[Partition, int] = {}
        self._asking = Rounds("milvus", CHECK_SECONDS)
        self._unsure: list[Waiting] = []  # this and what is below belong to the thread that asks
        self._asked: dict[tuple[str, int], None] = {}  # sources and lives, the one whose turn is longest ago first
        self._ask_at = self._ping_at = self._refill_at = 0.0

    def read_to_end(self, deadline_seconds: float = 30.0) -> None:
        """Fill the book with all that is on the bus; `Unavailable` when that takes longer."""
        topics: tuple[StateTopic[Any], ...] = (self._sources, self._statuses, self._chunks)
        for topic in topics:
            topic.read_to_end(deadline_seconds)
        self._book.follow_sources(self._sources.values.values(), self._sources.offset_of)
        self._book.follow_statuses(self._statuses.values.values())
        self._book.follow_chunks(self._chunks.values.values())
        self._readiness.watch("kafka", self._sources.is_followed)
        self._readiness.set("kafka", ready=True)

    def follow(self) -> None:
        """Take what has changed."""
        self._book.follow_sources(self._sources.poll(), self._sources.offset_of)
        self._book.follow_statuses(self._statuses.poll())
        self._book.follow_chunks(self._chunks.poll())
        while events := self._events.poll(0):
            self._book.follow_events(events)

    def close(self) -> None:
        """End following; what Milvus was asked is waited for."""
        self._asking.close()
        for topic in (self._sources, self._statuses, self._chunks, self._events):
            topic.close()

    # The stage

    def assigned(self, start: Start) -> None:
        """Begin a partition of requests; nothing is kept between them, so it does not matter where it begins."""
        self._processed[start.partition] = start.offset

    def revoked(self, partition: Partition) -> None:
        """Forget a partition."""
        del self._processed[partition]

    lost = revoked

    def wants(self) -> Collection[str]:
        """Return the one topic of requests."""
        return (SOURCE_REQUESTS.name,)

    def process(self, records: Sequence[Record]) -> None:
        """Answer requests by new records of sources; asking twice changes nothing more."""
        for record in records:
            try:
                self._answer(decode(record.value, SourceRequest))
            except InvalidMessage as invalid:
                self._outbox.reject(record, str(invalid))
            self._processed[record.partition] = record.offset + 1

    def step(self) -> bool:
        """Let Milvus be asked now and then, on a thread of its own: one that does not answer must not hold up requests."""
        self._asking.follow(lambda: self._ask)
        return False

    def settle(self) -> None:
        """Nothing is held back: the loop flushes the outbox before it commits."""

    def reached(self, partition: Partition) -> Reached:
        """Return the next request."""
        return Reached(self._processed[partition], self._processed[partition])

    def _answer(self, request: SourceRequest) -> None:
        now_ms = int(time.time() * 1000)
        if request.reason == "unknown_id":
            source_id, fps = request.source_id, self._sample_fps
            self._writer.send(source_id, lambda last: wanted.register(last, source_id, fps, now_ms))
        else:
            self._writer.send(request.source_id, lambda last: wanted.content_changed(last, request.life, now_ms))

    def _ask(self) -> None:
        """Confirm what is promised, and see now and then whether Milvus answers at all, which readiness tells."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        if not self._unsure and now >= self._refill_at:
            self._refill()
        if not self._unsure and now < self._ping_at:
            return
        try:
            self._ask_now()
        except Unavailable:
            self._readiness.set("milvus", ready=False)
            self._ask_at = time.monotonic() + PING_SECONDS

    def _refill(self) -> None:
        """Take some of those whose rows were not there, in turn, for they may never be; on top those never asked for."""
        waiting = {(source.source_id, source.life): (source, rows) for source, rows in self._book.unconfirmed()}
        turns = [key for key in self._asked if key in waiting]
        again, later = turns[:AGAIN_SOURCES], turns[AGAIN_SOURCES:]
        new = [key for key in waiting if key not in self._asked][:BATCH_SOURCES]
        self._asked = dict.fromkeys([*later, *again, *new])
        self._unsure = [[waiting[key] for key in keys] for keys in (again, new) if keys]

    def _ask_now(self) -> None:
        collection = self._store.collection().name
        self._store.matches(collection, filters.EVERYTHING)  # a server that has just started describes what it cannot read yet
        self._readiness.set("milvus", ready=True)
        self._ping_at = time.monotonic() + PING_SECONDS
        if self._unsure:
            self._confirm(collection, self._unsure[-1])

    def _confirm(self, collection: str, group: Waiting) -> None:
        """Confirm a group whose rows add up, else halve it: a strong read takes 0.2 s, and one source must not hold up all."""
        seen = self._store.count(collection, filters.any_of(filters.of_life(source) for source, _ in group))
        self._unsure.pop()  # only now: what Milvus did not answer is asked again
        promised = sum(rows for _, rows in group)
        if seen == promised or (len(group) == 1 and seen > promised):
            for source, rows in group:
                self._book.confirm(source, rows)
        elif len(group) > 1 and (seen > 0 or not all(rows for _, rows in group)):
            self._unsure += [group[: len(group) // 2], group[len(group) // 2 :]]
        else:
            self._refill_at = time.monotonic() + RETRY_SECONDS

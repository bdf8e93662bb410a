"""What this process knows of sources: their wanted state, and how far each is. One thread follows, requests read."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from schemas.identity import source_no
from schemas.messages import ChunkStatus, IndexEvent, Source, SourceStatus
from services.query.access.keys import Grant
from services.query.freshness import Newest, advance
from services.query.problems import Problem
from services.query.source_state import SourceView, file_view, is_done, live_view, promised_rows, rises


def unknown_source(source_id: str, field: str | None = None) -> Problem:
    """Return the 404 of a source that is not there or must not be seen: the two look alike."""
    detail = f"source {source_id[:80]!r} is not known: GET /v1/sources lists those that are"
    return Problem(404, "unknown-source", detail, field=field)


class SourceBook:
    """The sources of the bus, by id. Safe to read and to write from several threads.

    A record that this process has sent shadows what the log held before it, so that a client reads what it wrote. What comes
    later in the log counts, and that is told by offsets: adding, pausing and going on writes the same record twice.
    """

    def __init__(self, space: str) -> None:
        self._space = space
        self._lock = threading.Lock()
        self._sources: dict[str, Source] = {}
        self._under_way: Counter[str] = Counter()  # records sent that Kafka has not acknowledged
        self._written: dict[str, int] = {}  # offset of the last one that it has
        self._logged: dict[str, tuple[int, Source]] = {}  # the newest record read, with its offset
        self._statuses: dict[tuple[str, int], SourceStatus] = {}
        self._chunks: dict[tuple[str, int], dict[int, ChunkStatus]] = {}
        self._confirmed: dict[tuple[str, int], int] = {}
        self._newest: dict[str, Newest] = {}
        self._by_number: dict[int, Source] | None = None

    def get(self, source_id: str, grant: Grant) -> Source:
        """Return a source that is not removed, or raise the 404 that also hides what a key may not see."""
        source = self.record(source_id)
        if source is None or source.wanted == "removed" or not grant.may_see(source_id):
            raise unknown_source(source_id)
        return source

    def record(self, source_id: str) -> Source | None:
        """Return the newest record of a source, a removed one too."""
        with self._lock:
            return self._sources.get(source_id)

    def is_acknowledged(self, source_id: str) -> bool:
        """Return whether Kafka has every record of a source that this process has sent."""
        with self._lock:
            return self._under_way[source_id] == 0

    def shows(self, source_id: str, life: int) -> bool:
        """Return whether a life of a source is in force."""
        source = self.record(source_id)
        return source is not None and source.wanted != "removed" and source.life == life

    def by_number(self) -> Mapping[int, Source]:
        """Return the newest record of every source by its source_no, removed ones too; a mapping that no longer changes."""
        with self._lock:
            if self._by_number is None:
                self._by_number = {source_no(source_id): source for source_id, source in self._sources.items()}
            return self._by_number

    def view(self, source: Source) -> SourceView:
        """Return how far a source is."""
        with self._lock:
            key = (source.source_id, source.life)
            status = self._statuses.get(key)
            if source.kind != "file":
                return live_view(source, status, self._newest.get(source.source_id))
            return file_view(source, status, self._chunks.get(key, {}), self._confirmed.get(key))

    def duration_ms(self, source: Source) -> int | None:
        """Return the length of a file's timeline once it is planned."""
        return self.view(source).duration_ms

    def rises(self, source: Source) -> bool:
        """Return whether the timestamps of a file are known to rise to its end."""
        with self._lock:
            key = (source.source_id, source.life)
            return rises(source, self._statuses.get(key), self._chunks.get(key, {}))

    def unconfirmed(self) -> list[tuple[Source, int]]:
        """Return the sources whose every chunk is reported but whose rows no strong read has seen, with the rows promised."""
        with self._lock:
            return [(source, rows) for source in self._sources.values() if (rows := self._awaited(source)) is not None]

    def confirm(self, source: Source, rows: int) -> None:
        """Note that a strong read has seen `rows` rows of this life of a source."""
        with self._lock:
            self._confirmed[source.source_id, source.life] = rows

    def sent(self, source: Source) -> None:
        """Take a record that this process has handed to Kafka."""
        with self._lock:
            self._under_way[source.source_id] += 1
            self._sources[source.source_id] = source
            self._settle(source.source_id)

    def delivered(self, source_id: str, offset: int) -> None:
        """Note where in the log a record stands that this process has sent; it may be told before `sent` is."""
        with self._lock:
            self._under_way[source_id] -= 1
            self._written[source_id] = max(offset, self._written.get(source_id, offset))
            self._settle(source_id)

    def follow_sources(self, changed: Iterable[Source], offset_of: Mapping[str, int]) -> None:
        """Take records of topic `sources`, in their order; `offset_of` is that of the newest record of each id."""
        with self._lock:
            for source in changed:
                self._logged[source.source_id] = (offset_of[source.source_id], source)
                self._settle(source.source_id)

    def follow_statuses(self, changed: Iterable[SourceStatus]) -> None:
        """Take records of topic `source-status`. Of a life that is over they may still come: they say nothing of the next."""
        with self._lock:
            self._statuses.update(((status.source_id, status.life), status) for status in changed)

    def follow_chunks(self, changed: Iterable[ChunkStatus]) -> None:
        """Take records of topic `chunk-status`; those of other spaces are not this collection's."""
        with self._lock:
            for chunk in changed:
                if chunk.space == self._space:
                    self._chunks.setdefault((chunk.source_id, chunk.life), {})[chunk.index] = chunk

    def follow_events(self, events: Iterable[IndexEvent]) -> None:
        """Take records of topic `index-events`: only live sources have a newest row."""
        with self._lock:
            for row in (row for event in events if event.space == self._space for row in event.rows):
                source = self._sources.get(row.source_id)
                if source is not None and source.kind != "file":
                    self._newest[row.source_id] = advance(self._newest.get(row.source_id), row)

    def _settle(self, source_id: str) -> None:
        """Believe the log where it was read as far as our own records stand in it."""
        if self._under_way[source_id] == 0 and source_id in self._logged:
            offset, source = self._logged[source_id]
            if offset >= self._written.get(source_id, offset):
                self._sources[source_id] = source
        self._by_number = None

    def _awaited(self, source: Source) -> int | None:
        key = (source.source_id, source.life)
        chunks = self._chunks.get(key, {})
        if source.wanted == "removed" or not is_done(source, self._statuses.get(key), chunks):
            return None
        rows = promised_rows(chunks)
        return rows if self._confirmed.get(key, -1) < rows else None

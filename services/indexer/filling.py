"""What fills a new collection: the parts of an indexer, said nothing of, that ask for what the log does not hold."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from schemas.messages import ChunkStatus, Message, Source, SourceStatus
from schemas.topics import CHUNKS, DAY_MS, EMBEDDINGS_LIVE, HOUR_MS
from services.indexer.asking import Asking
from services.indexer.beyond import Beginnings, Part, is_caught_up, parts_of_camera, parts_of_file
from services.indexer.core.entry import Entry, StreamEnd
from services.indexer.intake import Intake
from services.indexer.lives import over_through
from services.indexer.registry import Registry
from services.indexer.stage import IndexStage
from streaming import metrics as m
from streaming.outbox import Delivered, Outbox
from streaming.records import Partition, Record
from streaming.stage import Start
from streaming.state import StateTopic

CLOCKS_MS: Final = HOUR_MS + 10_000
"""So much earlier than its life began a camera's samples may lie: when that was query's clock says, when they were taken another
one, and summer time is an hour. Recordings are kept by life, so asking for too much brings nothing of another one."""
RIPE_MS: Final = 30_000
"""A camera's stretch is asked for when it has ended so long ago: what its last windows see is noted by then."""


class FillingOutbox(Outbox):
    """Says nothing of what is filled again, no index event, no chunk that is done, no dead letter: indexers have said it, or come
    to it (`streaming.handover`).

    Attributes:
        whole: streams that came whole, with their rows confirmed.
    """

    def __init__(self, bootstrap: str, metrics: m.Metrics, asking: Asking) -> None:
        super().__init__(bootstrap, "rebuild", metrics)
        self._asking = asking
        self.whole: set[str] = set()

    def send_message(
        self, topic: str, message: Message, *, key: str, partition: int | None = None, on_delivered: Delivered | None = None
    ) -> None:
        """Send nothing; note which chunks are done."""
        if isinstance(message, ChunkStatus):
            self.whole.add(message.stream)
            self._asking.confirmed(message.stream)

    def ask(self, part: Part, run: int) -> None:
        """Have a part decoded again."""
        super().send_message(CHUNKS.name, part.order(run), key=part.stream)

    def reject(self, record: Record, reason: str) -> None:
        """Refuse a record, without a letter."""
        self.count_refused(record, reason)


class FillingIntake(Intake):
    """Takes what was decoded again too, and notes what comes of what was asked for."""

    for_rebuild = True

    def __init__(self, *parts: Any, asking: Asking, beginnings: Beginnings, whole: set[str]) -> None:
        super().__init__(*parts)
        self._asking, self._beginnings, self._whole = asking, beginnings, whole

    def read(self, record: Record) -> Entry | None:
        """Return the entry of a record, as `Intake` does."""
        entry = super().read(record)
        if entry is None:
            return None
        headers = entry.headers
        if not headers.rebuild:
            if record.partition.topic == EMBEDDINGS_LIVE.name:
                self._beginnings.note(record.partition.number, headers, entry.life)
            return entry
        if self._asking.hear(headers, time.monotonic()) and headers.samples:
            # Those of all its runs, which were counted just now; the core would hold them against its last run alone.
            return replace(entry, headers=msgspec.structs.replace(headers, samples=None))
        return entry

    def _is_done(self, stream: str) -> bool:
        """Return whether its rows are in this collection; what others say of it is said of the one that is searched."""
        return stream in self._whole


class FillingStage(IndexStage):
    """Notes where the log begins, and how often all that was read has been confirmed."""

    def __init__(self, *parts: Any, beginnings: Beginnings) -> None:
        super().__init__(*parts)
        self._beginnings = beginnings
        self.settled = 0

    def assigned(self, start: Start) -> None:
        """Begin a partition with empty state."""
        super().assigned(start)
        if start.partition.topic == EMBEDDINGS_LIVE.name and (start.cut or not start.resumed):
            self._beginnings.begins(start.partition.number, start.offset)

    def settle(self) -> None:
        """Wait until Milvus has confirmed every row that was handed out."""
        super().settle()
        self.settled += 1

    def _ask_again(self, partition: Partition, offset: int, end: StreamEnd) -> None:
        """Ask for nothing yet: what is missing is known when all of the log was read."""


@dataclass
class Missing:
    """Which parts are in the index by what is known of sources, and have not come from the log."""

    registry: Registry
    statuses: StateTopic[SourceStatus]
    beginnings: Beginnings
    whole: set[str]
    default_days: float

    def of_files(self) -> Iterator[Part]:
        """Yield the chunks of files."""
        for source in self._sources("file"):
            status = self.statuses.values.get(source.source_id)
            if status is not None and status.plan is not None and status.life == source.life:
                yield from parts_of_file(source, status.plan, self.registry.is_done, self.whole)

    def of_cameras(self, now_ms: int) -> Iterator[Part]:
        """Yield the stretches of recordings."""
        spans: dict[tuple[str, int], list[ChunkStatus]] = {}
        for status in self.registry.done():
            if is_caught_up(status.stream) and status.stream not in self.whole:
                spans.setdefault((status.source_id, status.life), []).append(status)
        for source in self._sources("camera"):
            days = self.default_days if source.keep_days is None else source.keep_days
            began_ms = source.lives[-1].began_ms - CLOCKS_MS if source.lives else 0
            from_ms = max(began_ms, now_ms - int(days * DAY_MS))
            until_ms = self.beginnings.until_ms(source, now_ms)
            caught_up = spans.get((source.source_id, source.life), ())
            yield from parts_of_camera(source, from_ms, from_ms if until_ms is None else until_ms, caught_up)

    def is_over(self, part: Part) -> bool:
        """Whether nothing is wanted of a part any more."""
        source = self.registry.source(part.source_id)
        return source is not None and part.life <= over_through(source)

    def ripe_in_ms(self, part: Part, now_ms: int) -> int:
        """Return in how long all is noted that the windows of a part see; a source that is paused has noted it."""
        source = self.registry.source(part.source_id)
        is_open = source is not None and source.kind == "camera" and source.wanted == "running"
        return max(0, part.end_ms + RIPE_MS - now_ms) if is_open else 0

    def _sources(self, kind: str) -> Iterator[Source]:
        return (source for source in self.registry.sources() if source.kind == kind and source.wanted != "removed")

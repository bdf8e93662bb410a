"""The indexer's work between reading and committing, the same under both runners."""

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.errors import InvalidMessage
from schemas.messages import Recut
from schemas.topics import CHUNK_STATUS, EMBEDDINGS_BULK, HOUR_MS, INDEX_EVENTS, RECUT
from services.indexer import metrics as m
from services.indexer.core.entry import StreamEnd
from services.indexer.core.frames import note_of, place_of
from services.indexer.core.partition import PartitionIndex
from services.indexer.core.settings import Smoothing
from services.indexer.intake import Intake
from services.indexer.lives import all_over
from services.indexer.registry import Registry
from services.indexer.rows import chunk_status, events
from services.indexer.shown import fresh
from services.indexer.writer import Confirmed, Holding, Writer
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Reached, Start

STEP_RECORDS: Final = 1000
QUEUED_RECORDS: Final = 4000
MOST_ASKED: Final = 3
DIVIDING: Final = frozenset(("hole", "unknown"))
log = get_logger("indexer")


@dataclass
class _Held:
    index: PartitionIndex
    reached: Reached
    ends: list[StreamEnd] = field(default_factory=list)
    holding: Holding = field(default_factory=Holding)


class IndexStage:
    """Turns embedding records into confirmed rows; the safe offset moves only behind Milvus's confirmation.

    Whenever partitions were given, `before_writing` is called before anything of them is written. It raises `Unavailable` to be
    called again, and `Stopped` where nothing may be written any more.
    """

    def __init__(
        self,
        topics: Sequence[str],
        space: str,
        smoothing: Smoothing,
        intake: Intake,
        registry: Registry,
        writer: Writer,
        outbox: Outbox,
        metrics: Metrics,
        followers: Sequence[Callable[[], None]] = (),
        before_writing: Callable[[], None] = lambda: None,
    ) -> None:
        self._topics, self._space, self._smoothing = topics, space, smoothing
        self._intake, self._registry, self._writer = intake, registry, writer
        self._outbox, self._metrics, self._followers = outbox, metrics, followers
        self._before_writing, self._may_write = before_writing, False
        self._partitions: dict[Partition, _Held] = {}
        self._queue: deque[Record] = deque()
        self._asked: Counter[str] = Counter()
        self._warned_at = -float(HOUR_MS)

    def assigned(self, start: Start) -> None:
        """Begin a partition with nothing but what its commit says of what was read before."""
        frames = place_of(start.note)
        index = PartitionIndex(
            self._smoothing, start.offset, resumed=start.resumed, frames=frames, processed=start.processed, cut=start.cut,
            begun=start.begun,
        )  # fmt: skip
        self._partitions[start.partition] = _Held(index, Reached(start.offset, index.processed, start.note, index.begun()))
        self._may_write = False

    def revoked(self, partition: Partition) -> None:
        """Forget a partition, and write no more of it: its next owner may have later values of the same rows."""
        if held := self._partitions.pop(partition, None):
            held.holding.is_over = True
        self._queue = deque(record for record in self._queue if record.partition != partition)

    lost = revoked

    def withhold(self) -> None:
        """Write no more of any partition, nor say that it is done, though none was taken; from any thread."""
        for held in list(self._partitions.values()):
            held.holding.is_over = True

    def wants(self) -> Collection[str]:
        """Read no further while Milvus is behind."""
        return () if len(self._queue) >= QUEUED_RECORDS else self._topics

    def process(self, records: Sequence[Record]) -> None:
        """Take records; `step` works on them."""
        self._queue.extend(records)

    def step(self) -> bool:
        """Compute the rows of some records and hand them to the writer."""
        if self._writer.full:
            return False
        if not self._may_write:
            self._before_writing()
            self._may_write = True
        self._intake.next_batch()
        for _ in range(min(STEP_RECORDS, len(self._queue))):
            self._take(self._queue[0])
            self._queue.popleft()
        self._drain()
        self._count()
        return bool(self._queue)

    def settle(self) -> None:
        """Wait until Milvus has confirmed every row that was handed out; then say so, and let the safe offsets follow."""
        self._drain()  # a step that found Kafka away has left what it had fed
        for confirmed in self._writer.confirm():
            self._announce(confirmed)
        for partition, held in self._partitions.items():
            if held.holding.is_over:
                continue  # what it holds was not written: its next owner says what is done
            self._finish_chunks(partition, held)
            safe_offset = held.index.safe_offset()
            note = note_of(held.index.frames_before(safe_offset))
            held.reached = Reached(safe_offset, held.index.processed, note, held.index.begun())
        self._watch_held()

    def reached(self, partition: Partition) -> Reached:
        """Return the oldest record that an unfinished or unconfirmed row needs, as of the last `settle`."""
        return self._partitions[partition].reached

    def processed(self) -> dict[Partition, int]:
        """Return one past the last record that was fed to the core, of every partition in hand."""
        return {partition: held.index.next_offset for partition, held in self._partitions.items()}

    def follow(self) -> None:
        """Follow the state topics: what is over is neither written nor kept."""
        if over := all_over(self._registry.changed()):
            self._writer.remove(over)
            for held in self._partitions.values():
                for source_id, life in over.items():
                    held.index.forget(source_id, life)
        self._writer.delete_some()
        for follow in self._followers:
            follow()

    def _take(self, record: Record) -> None:
        held = self._partitions.get(record.partition)
        if held is None or record.offset < held.index.next_offset:
            return
        entry = self._intake.read(record)
        if entry is None:
            held.index.next_offset = record.offset + 1
            return
        try:
            held.index.feed(entry)
        except InvalidMessage as invalid:
            self._outbox.reject(record, str(invalid))

    def _drain(self) -> None:
        """Hand what has become of the records that were fed to the writer."""
        now_ms = int(time.time() * 1000)
        for held in self._partitions.values():
            drained = held.index.drain()
            held.ends += drained.ends
            self._writer.write(drained.rows, held.holding)
            self._writer.show(fresh(drained.provisional, now_ms), held.holding)

    def _count(self) -> None:
        for held in self._partitions.values():
            for why, times in held.index.counts.items():
                self._metrics.of(m.DIVIDED if why in DIVIDING else m.DROPPED).labels(why).inc(times)
            held.index.counts.clear()

    def _announce(self, confirmed: Confirmed) -> None:
        for event in events(confirmed.samples, self._space, confirmed.searchable_ms):
            self._outbox.send_message(INDEX_EVENTS.name, event, key=event.stream)
        for sample in confirmed.first:
            if sample.captured_ms > confirmed.searchable_ms - HOUR_MS:  # of an archive the age says nothing
                self._metrics.of(m.SEARCHABLE_SECONDS).observe((confirmed.searchable_ms - sample.captured_ms) / 1000)

    def _finish_chunks(self, partition: Partition, held: _Held) -> None:
        """Say which chunks are done, and ask for those again of which a part was lost before it came here."""
        ends, held.ends = held.ends, []
        for end in ends:
            status = chunk_status(end, self._space)
            if status is None:
                continue
            if end.whole:
                self._outbox.send_message(CHUNK_STATUS.name, status, key=f"{self._space}/{end.stream}")
            elif partition.topic == EMBEDDINGS_BULK.name and not self._registry.is_done(end.stream):
                self._ask_again(partition, held.index.next_offset - 1, end)

    def _ask_again(self, partition: Partition, offset: int, end: StreamEnd) -> None:
        """Ask for a chunk once more, but not for ever: what cannot come whole is not done, and stays so."""
        self._asked[end.stream] += 1
        if self._asked[end.stream] > MOST_ASKED:
            log.error("a chunk does not come whole and is not done", stream=end.stream, rows=end.rows)
            return
        log.warning("a chunk did not come whole", stream=end.stream, rows=end.rows, asked=self._asked[end.stream])
        recut = Recut(
            source_id=end.source_id, life=end.life, topic=partition.topic, partition=partition.number,
            first_offset=offset, last_offset=offset, at_ms=int(time.time() * 1000),
        )  # fmt: skip
        self._outbox.send_message(RECUT.name, recut, key=f"{partition.topic}/{partition.number}")

    def _watch_held(self) -> None:
        since = [ms for held in self._partitions.values() if (ms := held.index.held_since_ms()) is not None]
        held_ms = max(0.0, time.time() * 1000 - min(since)) if since else 0.0
        self._metrics.of(m.HELD_SECONDS).set(held_ms / 1000)
        if held_ms > HOUR_MS and time.monotonic() - self._warned_at > HOUR_MS / 1000:
            self._warned_at = time.monotonic()
            log.warning("a run has been open for more than an hour: nobody has ended it", held_seconds=held_ms / 1000)

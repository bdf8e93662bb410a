"""The stage on `chunks`: one chunk after the other is decoded and sent to `frames-bulk`."""

import time
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from originals.access import Access
from originals.errors import Unreachable, Unreadable
from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.limits import LONGEST_LACKS, UNKNOWN_MS
from schemas.messages import Chunk, decode
from schemas.topics import CHUNKS, FRAMES_BULK
from services.decoder import metrics as m
from services.decoder.decoding import Changed, Decoding, Sample
from services.decoder.inspection import captured_from_ms
from services.decoder.plan import chunk as chunk_of
from services.decoder.reports import FileState, ask_for_new_life, now_ms, say
from services.decoder.state import StateTopics
from services.decoder.verdict import Verdict, dealing_ms, verdict
from streaming.backlog import Backlog
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Reached, Start

STEP_SECONDS: Final = 0.2
CHUNKS_HELD: Final = 64
LOOK_SECONDS: Final = 5.0
STREAMS_REMEMBERED: Final = 4_096
MOST_WAITING: Final = 500
"""The queue to Kafka takes some two thousand pictures: most of it is left to cameras, whose frames cannot wait."""

log = get_logger("chunks")


@dataclass(frozen=True)
class Dealt:
    """A chunk as it was dealt."""

    record: Record
    chunk: Chunk
    at_ms: int
    read_at: float


@dataclass
class Begun:
    """The chunk in hand."""

    dealt: Dealt
    decoding: Decoding
    at: float
    samples: int = 0
    last_run: int = 0


class ChunkWork:
    """Decodes what is dealt. A chunk starts only while few enough frames are unread; one that has begun is let through."""

    def __init__(
        self,
        state: StateTopics,
        backlog: Backlog,
        unread_limit: int,
        threads: int,
        access: Access,
        media: Path,
        outbox: Outbox,
        metrics: Metrics,
    ) -> None:
        self._state, self._backlog, self._unread_limit = state, backlog, unread_limit
        self._threads, self._access, self._media = threads, access, media
        self._outbox, self._metrics = outbox, metrics
        self._pool = ThreadPoolExecutor(1, "decode")
        self._queue: deque[Dealt] = deque()
        self._begun: Begun | None = None
        self._ended_at = self._looked_at = 0.0
        self._next: dict[Partition, int] = {}
        self._unfinished: dict[Partition, set[int]] = {}
        self._sent_at_ms: dict[tuple[str, int], int] = {}

    def assigned(self, start: Start) -> None:
        """Begin a partition with nothing in hand."""
        self._next[start.partition] = start.offset
        self._unfinished[start.partition] = set()

    def revoked(self, partition: Partition) -> None:
        """Give up what is in hand of a partition: its next owner begins those chunks anew."""
        if self._begun is not None and self._begun.dealt.record.partition == partition:
            self._begun.decoding.give_up()
            self._begun = None
        self._queue = deque(dealt for dealt in self._queue if dealt.record.partition != partition)
        del self._next[partition], self._unfinished[partition]

    lost = revoked

    def wants(self) -> Collection[str]:
        """Read while few chunks are held."""
        return (CHUNKS.name,) if len(self._queue) < CHUNKS_HELD else ()

    def process(self, records: Sequence[Record]) -> None:
        """Queue the chunks."""
        for record in records:
            self._next[record.partition] = record.offset + 1
            try:
                chunk = decode(record.value, Chunk)
            except InvalidMessage as invalid:
                self._outbox.reject(record, str(invalid))
            else:
                self._queue.append(Dealt(record, chunk, dealing_ms(record.timestamp_ms, now_ms()), time.monotonic()))
                self._unfinished[record.partition].add(record.offset)

    def step(self) -> bool:
        """Send what has been decoded, or begin the next chunk."""
        if self._begun is None:
            return self._begin_next()
        self._go_on(self._begun)
        return True

    def settle(self) -> None:
        """Nothing but Kafka's acknowledgement makes frames durable."""

    def reached(self, partition: Partition) -> Reached:
        """Return the oldest chunk whose frames were not all sent."""
        safe_offset = min(self._unfinished[partition], default=self._next[partition])
        return Reached(safe_offset, safe_offset)

    def _begin_next(self) -> bool:
        """Drop what need not be decoded and begin the first that must be."""
        for _ in range(len(self._queue)):
            dealt = self._queue[0]
            if self._judge(dealt) == "wait":
                self._look()
            judged = self._judge(dealt)
            if judged == "decode":
                return self._begin(dealt)
            if judged == "refuse":
                self._outbox.reject(dealt.record, f"source {dealt.chunk.source_id!r} is no file: it is not cut into chunks")
            self._queue.popleft()
            self._finish(dealt, "dropped")
        return False

    def _look(self) -> None:
        """Read on the wanted state to where it ends now: what was read before can be judged. Raises `Unavailable`."""
        self._state.sources.read_on(LOOK_SECONDS)
        self._looked_at = time.monotonic()

    def _begin(self, dealt: Dealt) -> bool:
        """Begin a chunk if few enough frames are unread, those of the chunk before it counted."""
        self._outbox.flush()
        if self._backlog.unread(since=self._ended_at) >= self._unread_limit:
            return False
        self._queue.popleft()
        try:
            dealt = replace(dealt, chunk=self._completed(dealt.chunk))
        except Unreadable as failure:
            self._give_up(dealt.chunk, 0, failure)
            self._finish(dealt, "failed")
            return True
        decoding = Decoding(self._pool, dealt.chunk, self._threads, self._access, self._media)
        self._begun = Begun(dealt, decoding, time.monotonic())
        return True

    def _completed(self, asked: Chunk) -> Chunk:
        """Return how a chunk that a rebuild asks for is read: of a file as it was, by its plan. Raises `Unreadable`."""
        source = self._state.sources.values.get(asked.source_id)
        if not asked.rebuild or source is None:
            return asked
        if source.kind != "file":
            return msgspec.structs.replace(asked, captured_from_ms=0)
        status = self._state.statuses.values.get(asked.source_id)
        if status is None or status.plan is None or status.life != asked.life or asked.index >= len(status.plan.chunks):
            raise Unreadable(f"chunk {asked.index} is not in the file's plan")
        whole = chunk_of(source, status.plan, status.plan.chunks[asked.index], captured_from_ms(source.starts_at), asked.run)
        return msgspec.structs.replace(whole, rebuild=True)

    def _judge(self, dealt: Dealt) -> Verdict:
        chunk, dealt_ms = dealt.chunk, dealt.at_ms
        is_sent = self._sent_at_ms.get((chunk.stream, chunk.run), -1) >= dealt_ms
        done = is_sent or (not chunk.rebuild and self._state.finished.has(chunk.stream))
        is_settled = dealt.read_at <= self._looked_at
        return verdict(chunk, self._state.sources.values.get(chunk.source_id), done=done, is_settled=is_settled)

    def _go_on(self, begun: Begun) -> None:
        if self._judge(begun.dealt) != "decode":
            begun.decoding.give_up()
            return self._end(begun, "dropped")
        deadline = time.monotonic() + STEP_SECONDS
        try:
            while time.monotonic() < deadline and not begun.decoding.has_ended() and self._outbox.has_room(MOST_WAITING):
                if sample := begun.decoding.take():
                    self._send(begun.dealt.chunk, sample)
                    begun.samples, begun.last_run = begun.samples + 1, sample.run
            if begun.decoding.has_ended():
                self._complete(begun)
        except (Unreadable, Unreachable) as failure:
            self._fail(begun, failure)
        return None

    def _send(self, chunk: Chunk, sample: Sample) -> None:
        picture = sample.sample
        headers = FrameHeaders(
            source_id=chunk.source_id,
            t_ms=picture.t_ms,
            stream=chunk.stream,
            life=chunk.life,
            run=chunk.run + sample.run,
            seq=sample.seq,
            captured_ms=UNKNOWN_MS if chunk.captured_from_ms == UNKNOWN_MS else chunk.captured_from_ms + picture.t_ms,
            width=picture.width,
            height=picture.height,
            context=sample.context,
            rebuild=chunk.rebuild,
        )
        self._outbox.send(FRAMES_BULK.name, picture.jpeg, key=chunk.stream, headers=encode_frame_headers(headers))
        self._metrics.of(m.SAMPLES).inc()

    def _complete(self, begun: Begun) -> None:
        """Send the mark that closes the stream; a chunk without a sample has it too, since it is how the chunk becomes done."""
        chunk = begun.dealt.chunk
        mark = FrameHeaders(
            source_id=chunk.source_id, t_ms=None, stream=chunk.stream, life=chunk.life, run=chunk.run + begun.last_run,
            mark="stream_end", samples=begun.samples, rebuild=chunk.rebuild, lacks=begun.decoding.lacks,
        )  # fmt: skip
        self._outbox.send(FRAMES_BULK.name, b"", key=chunk.stream, headers=encode_frame_headers(mark))
        self._remember(chunk)
        self._notice(chunk, begun.decoding.notices)
        self._metrics.of(m.CHUNK_SECONDS).observe(time.monotonic() - begun.at)
        self._metrics.of(m.UNUSABLE).inc(begun.decoding.unusable)
        self._end(begun, "decoded")

    def _notice(self, chunk: Chunk, notices: Sequence[str]) -> None:
        """Say what is wrong with a file whose chunk was decoded as far as it goes; its owner corrects a state that is old."""
        known = self._state.statuses.values.get(chunk.source_id)
        if not notices or known is None or known.life != chunk.life or known.plan is None or known.state == "catching-up":
            return
        log.warning("damaged", stream=chunk.stream, notices=notices)
        say(self._outbox, chunk.source_id, chunk.life, known.state, known.error, known.plan, known, notices)

    def _remember(self, chunk: Chunk) -> None:
        """A copy of this chunk that was dealt before now is answered, unless it is of another run."""
        self._sent_at_ms.pop((chunk.stream, chunk.run), None)
        self._sent_at_ms[chunk.stream, chunk.run] = now_ms()
        if len(self._sent_at_ms) > STREAMS_REMEMBERED:
            del self._sent_at_ms[next(iter(self._sent_at_ms))]

    def _fail(self, begun: Begun, failure: Unreadable | Unreachable) -> None:
        """Say what is wrong with the file: its owner deals the chunk again when that is mended, and a span after a while."""
        chunk = begun.dealt.chunk
        if chunk.rebuild:
            self._give_up(chunk, begun.last_run, failure)
            return self._end(begun, "failed")
        if chunk.recorded:
            log.warning("span failed", stream=chunk.stream, reason=str(failure))
            return self._end(begun, "failed")
        self._look()  # what fails is often a file whose life has just ended: what is said of it would hide the next one's status
        known = self._state.statuses.values.get(chunk.source_id)
        if self._judge(begun.dealt) != "decode" or (known is not None and known.life > chunk.life):
            return self._end(begun, "dropped")
        if known is None or known.life < chunk.life or known.plan is None:
            self._begun = None
            self._queue.append(begun.dealt)
            return None
        log.warning("chunk failed", stream=chunk.stream, reason=str(failure))
        if isinstance(failure, Changed):
            ask_for_new_life(self._outbox, chunk.source_id, chunk.life, failure.fingerprint)
        state: FileState = "waiting" if isinstance(failure, (Unreachable, Changed)) else "failed"
        if known.since_ms < begun.dealt.at_ms:  # it was running when the chunk was dealt: what is known here is older
            known = msgspec.structs.replace(known, state="running", error=None)
        say(self._outbox, chunk.source_id, chunk.life, state, str(failure), known.plan, known)
        return self._end(begun, "failed")

    def _give_up(self, chunk: Chunk, last_run: int, failure: Unreadable | Unreachable) -> None:
        """Tell the rebuild why this try has failed. The source's status says nothing of it: what is searched is as it was."""
        log.warning("not decoded again", stream=chunk.stream, reason=str(failure))
        if isinstance(failure, Changed):
            ask_for_new_life(self._outbox, chunk.source_id, chunk.life, failure.fingerprint)
        mark = FrameHeaders(
            source_id=chunk.source_id, t_ms=None, stream=chunk.stream, life=chunk.life, run=chunk.run + last_run,
            mark="run_end", rebuild=True, lacks=str(failure)[:LONGEST_LACKS],
        )  # fmt: skip
        self._outbox.send(FRAMES_BULK.name, b"", key=chunk.stream, headers=encode_frame_headers(mark))

    def _end(self, begun: Begun, outcome: str) -> None:
        self._begun, self._ended_at = None, time.monotonic()
        self._finish(begun.dealt, outcome)

    def _finish(self, dealt: Dealt, outcome: str) -> None:
        self._unfinished[dealt.record.partition].discard(dealt.record.offset)
        self._metrics.of(m.CHUNKS).labels(outcome).inc()

"""The embedder's work between reading and committing: admit, decode, embed, send, in the order of every partition."""

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from encoders.encoder import Encoder
from encoders.folder import Vectors
from encoders.pictures import Pixels
from schemas.errors import InvalidMessage
from schemas.groups import Lane as LaneName
from schemas.headers import EmbeddingHeaders, FrameHeaders, decode_frame_headers, encode_embedding_headers, of_embedding
from schemas.topics import EMBEDDINGS_BULK, EMBEDDINGS_LIVE, FRAMES_BULK, FRAMES_LIVE
from schemas.vectors import encode_vector
from services.embedder import metrics as m
from services.embedder.admission import Admitted, Dropped, admit
from services.embedder.batching import BatchSize, Held, Lane, first_waiting
from services.embedder.progress import Progress
from services.embedder.sources import KnownSources
from services.embedder.thumbnails import Thumbnails
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record
from streaming.stage import Reached, Start

MOST_HELD_RECORDS: Final = 512
MOST_HELD_BYTES: Final = 48_000_000
DECODING_WAIT_SECONDS: Final = 0.02
LONGEST_KEY_BYTES: Final = 1_024
"""A longer key of a frame is not taken over: with the headers added its embedding might be more than Kafka takes."""

NO_VECTOR: Final = "the encoder gives no vector for this picture: a number of it is not finite"

LANE_OF: Final[dict[str, LaneName]] = {FRAMES_LIVE.name: "live", FRAMES_BULK.name: "bulk"}
"""Topics of frames by rank."""
EMBEDDINGS: Final[dict[LaneName, str]] = {"live": EMBEDDINGS_LIVE.name, "bulk": EMBEDDINGS_BULK.name}


@dataclass(frozen=True, slots=True)
class Frame:
    """An admitted record. `pixels` is the picture being decoded, None for a mark."""

    record: Record
    headers: EmbeddingHeaders
    pixels: Future[Pixels] | None


class EmbedStage:
    """Holds admitted records in two lanes and empties them in batches, live first.

    `unread` counts what the indexer has not read of `embeddings-bulk`; bulk frames are read while it is below `unread_bound`, not
    while it is unknown (None). It never waits: live frames do not depend on it.
    """

    def __init__(
        self,
        encoder: Encoder,
        sources: KnownSources,
        outbox: Outbox,
        metrics: Metrics,
        *,
        batch_size: BatchSize,
        thumbnails: Thumbnails,
        unread: Callable[[], int | None],
        unread_bound: int,
        decode_threads: int,
    ) -> None:
        self._encoder, self._sources, self._outbox, self._metrics = encoder, sources, outbox, metrics
        self._size, self._thumbnails = batch_size, thumbnails
        self._unread, self._unread_bound = unread, unread_bound
        self._held_back = True
        self._progress = Progress()
        self._unjudged: deque[Record] = deque()
        self._lanes: dict[str, Lane[Frame]] = {topic: Lane(MOST_HELD_RECORDS, MOST_HELD_BYTES) for topic in LANE_OF}
        # A pool for each lane: a live picture never waits behind the bulk pictures that are decoded ahead.
        self._pools = {topic: ThreadPoolExecutor(decode_threads, f"decode-{name}") for topic, name in LANE_OF.items()}

    def assigned(self, start: Start) -> None:
        """Begin a partition: there is no window, so where it begins does not matter."""
        self._progress.begin(start.partition, start.offset)

    def revoked(self, partition: Partition) -> None:
        """Forget a partition; its unfinished records are read again by whoever is next."""
        for held in self._lanes[partition.topic].forget(partition):
            if held.work.pixels is not None:
                held.work.pixels.cancel()
        self._unjudged = deque(record for record in self._unjudged if record.partition != partition)
        self._progress.forget(partition)

    lost = revoked

    def wants(self) -> Collection[str]:
        """Return the lanes with room; the bulk one only while the indexer keeps up, and none while records cannot be judged."""
        if self._unjudged:
            return ()
        return [
            topic for topic, lane in self._lanes.items() if lane.accepts() and not (topic == FRAMES_BULK.name and self._held_back)
        ]

    def process(self, records: Sequence[Record]) -> None:
        """Admit records and begin to decode them: at once where Kafka answers, else in the next step."""
        self._unjudged += records
        self._sources.next_batch()
        with suppress(Unavailable):
            self._judge()

    def step(self) -> bool:
        """Embed and send one batch of the first lane that holds anything; raises `Unavailable` where records cannot be judged."""
        self._judge()
        self._look_ahead()
        lane = first_waiting(list(self._lanes.values()))
        if lane is None:
            return False
        if batch := lane.take(self._size.images, _is_ready):
            self._pass_on(batch)
        elif lane.head and lane.head.work.pixels:
            wait([lane.head.work.pixels], DECODING_WAIT_SECONDS)
        return True

    def settle(self) -> None:
        """Do nothing: what is finished has been handed to the outbox, which the loop flushes."""

    def reached(self, partition: Partition) -> Reached:
        """Return the oldest record whose embedding has not been sent: one that is held for its batch is not processed."""
        safe_offset = self._progress.safe_offset(partition)
        return Reached(safe_offset, safe_offset)

    def close(self) -> None:
        """End the decoding threads."""
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)

    def _look_ahead(self) -> None:
        unread = self._unread()
        self._held_back = unread is None or unread >= self._unread_bound
        self._metrics.of(m.HELD_BACK).set(self._held_back)

    def _judge(self) -> None:
        while self._unjudged:
            record = self._unjudged[0]
            try:
                frame = self._admit(record)
            except InvalidMessage as invalid:
                self._outbox.reject(record, str(invalid))
                frame = None
            self._unjudged.popleft()
            if frame is None:
                self._progress.pass_by(record.partition, record.offset)
            else:
                self._hold(frame)

    def _admit(self, record: Record) -> Frame | None:
        """Return the frame of a record, None for one that is dropped; raises `InvalidMessage`."""
        headers = decode_frame_headers(record.headers)
        _check_value(headers, record.value)
        source = self._sources.find(headers.source_id, headers.life, record.timestamp_ms)
        verdict = admit(headers, record.timestamp_ms, source)
        if isinstance(verdict, Dropped):
            self._metrics.of(m.DROPPED).labels(verdict.reason).inc()
            return None
        settled = of_embedding(msgspec.structs.replace(headers, life=verdict.life), self._encoder.space, record.offset)
        pixels = None
        if headers.mark is None:
            pixels = self._pools[record.partition.topic].submit(self._prepare, record.value or b"", settled, verdict)
        return Frame(record, settled, pixels)

    def _prepare(self, jpeg: bytes, headers: EmbeddingHeaders, admitted: Admitted) -> Pixels:
        """Decode one picture, on a thread of a pool."""
        pixels = self._encoder.prepare(jpeg)
        if admitted.unrecorded and headers.t_ms is not None and not headers.context:
            # The first life of a source that is still to be registered is 1.
            self._thumbnails.store(headers.source_id, admitted.life or 1, headers.t_ms, jpeg)
        return pixels

    def _hold(self, frame: Frame) -> None:
        partition, offset = frame.record.partition, frame.record.offset
        size_bytes = len(frame.record.value or b"")
        self._progress.take(partition, offset)
        self._lanes[partition.topic].append(Held(partition, offset, 0 if frame.pixels is None else 1, size_bytes, frame))

    def _pass_on(self, batch: Sequence[Held[Frame]]) -> None:
        """Send the embeddings of a batch, all of one lane, in its order."""
        frames = [held.work for held in batch]
        lane = LANE_OF[batch[0].partition.topic]
        decoded = [_decoded(frame) for frame in frames]
        vectors = iter(self._embed([pixels for pixels in decoded if isinstance(pixels, np.ndarray)], lane))
        for frame, pixels in zip(frames, decoded, strict=True):
            vector = next(vectors) if isinstance(pixels, np.ndarray) else None
            if isinstance(pixels, InvalidMessage):
                self._outbox.reject(frame.record, str(pixels))
            elif vector is not None and not np.isfinite(vector).all():
                self._outbox.reject(frame.record, NO_VECTOR)
            else:
                self._send(frame, b"" if vector is None else encode_vector(vector), lane)
            self._progress.finish(frame.record.partition, frame.record.offset)

    def _embed(self, pictures: Sequence[Pixels], lane: LaneName) -> Vectors:
        if not pictures:
            return np.empty((0, self._encoder.dimension), np.float32)
        began = time.perf_counter()
        vectors = self._encoder.embed_images(np.stack(pictures))
        seconds = time.perf_counter() - began
        self._size.measured(len(pictures), seconds)
        self._metrics.of(m.IMAGES).labels(lane).inc(len(pictures))
        self._metrics.of(m.STEP_SECONDS).labels(lane).observe(seconds)
        self._metrics.of(m.BATCH_IMAGES).set(self._size.images)
        self._metrics.of(m.RATE).set(self._size.images_per_second)
        return vectors

    def _send(self, frame: Frame, value: bytes, lane: LaneName) -> None:
        record = frame.record
        is_kept = record.key is not None and len(record.key) <= LONGEST_KEY_BYTES
        key = (record.key or b"").decode(errors="replace") if is_kept else frame.headers.stream
        headers = encode_embedding_headers(frame.headers)
        place, sent_ms = record.partition.number, record.timestamp_ms
        self._outbox.send(EMBEDDINGS[lane], value, key=key, headers=headers, partition=place, timestamp_ms=sent_ms)
        if frame.headers.mark is not None:
            self._metrics.of(m.MARKS).labels(lane).inc()


def _is_ready(frame: Frame) -> bool:
    return frame.pixels is None or frame.pixels.done()


def _decoded(frame: Frame) -> Pixels | InvalidMessage | None:
    """Return the picture of a frame that is ready, or why it is none; None for a mark."""
    if frame.pixels is None:
        return None
    try:
        return frame.pixels.result()
    except InvalidMessage as invalid:
        return invalid


def _check_value(headers: FrameHeaders, value: bytes | None) -> None:
    if headers.mark is None and not value:
        raise InvalidMessage("empty value: expected a JPEG, or a header mark")
    if headers.mark is not None and value:
        raise InvalidMessage(f"mark {headers.mark} carries a value of {len(value)} bytes: expected none")

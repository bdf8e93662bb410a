"""From a record to an entry of the core: headers, space, life and vector checked."""

import msgspec

from schemas.errors import InvalidMessage
from schemas.headers import EmbeddingHeaders, decode_embedding_headers
from schemas.lives import check_has_begun, life_at, stated_life
from schemas.messages import Source
from schemas.producer_clock import ahead_of, is_run_of_a_camera
from schemas.space import check_space
from schemas.vectors import decode_vector
from services.indexer.core.entry import Entry
from services.indexer.core.kernel import Vector
from services.indexer.frame_ends import FrameEnds
from services.indexer.lives import standing
from services.indexer.metrics import DROPPED
from services.indexer.registry import Registry
from streaming.dead_letters import is_replayed
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Record


class Intake:
    """Judges each record by itself. What can never be indexed goes to the dead letters, what is over is dropped and counted.

    What was decoded again for a rebuild is a rebuild's alone.
    """

    for_rebuild = False

    def __init__(
        self, space: str, dimension: int, registry: Registry, frames: FrameEnds, outbox: Outbox, metrics: Metrics
    ) -> None:
        self._space, self._dimension = space, dimension
        self._registry, self._frames, self._outbox = registry, frames, outbox
        self._dropped = metrics.of(DROPPED)
        self._looked = False

    def next_batch(self) -> None:
        """Allow one more look at the state topics and the frames: one is enough for all records that were read before it."""
        self._looked = False
        self._frames.next_batch()

    def read(self, record: Record) -> Entry | None:
        """Return the entry of a record, or None where nothing comes of it; raises `Unavailable` where that cannot be known now.

        A sample whose value is refused still holds its place in its run, without a vector.
        """
        try:
            headers = decode_embedding_headers(record.headers)
            if not self._names_a_frame(record, headers):
                headers = msgspec.structs.replace(headers, frame_offset=None)
            if headers.rebuild and not self.for_rebuild:
                self._dropped.labels("rebuild").inc()
                return None
            life = self._life(headers, record.timestamp_ms) if self._is_ours(headers.space) else None
            source = self._registry.source(headers.source_id)
            if life is not None:
                _check_clock(headers, record.timestamp_ms, source)
        except InvalidMessage as invalid:
            self._outbox.reject(record, str(invalid))
            return None
        if life is None:
            return None
        vector = self._vector(record, headers)
        if vector is not None or headers.mark is not None:
            self._outbox.accepted()
        return Entry(
            record.offset,
            record.timestamp_ms,
            headers,
            life,
            closes_when_quiet=source is None or source.kind == "push",
            done=headers.stream != headers.source_id and self._is_done(headers.stream),
            vector=vector,
        )

    def _names_a_frame(self, record: Record, headers: EmbeddingHeaders) -> bool:
        """Return whether a record says rightly which frame its vector is of, as far as that can be told.

        One that is replayed does not: its frame was passed, and it was not read.
        """
        frame = headers.frame_offset
        return frame is not None and not is_replayed(record) and self._frames.has(record.partition, frame)

    def _is_done(self, stream: str) -> bool:
        return self._registry.is_done(stream)

    def _is_ours(self, space: str) -> bool:
        if space == self._space:
            return True
        check_space(space)
        if not self._registry.knows_space(space):
            self._look()
        if not self._registry.knows_space(space):
            raise InvalidMessage(f"space {space!r} is not known: its embedder makes it known; this indexer fills {self._space!r}")
        self._dropped.labels("other_space").inc()
        return False

    def _life(self, headers: EmbeddingHeaders, timestamp_ms: int) -> int | None:
        """Return the life of a record if it is in force."""
        stated = stated_life(headers)
        source = self._source(headers.source_id, stated, timestamp_ms)
        if source is None:
            return 1  # registered by itself just now; a removed source is kept, so no earlier life can exist
        life = life_at(source, timestamp_ms) if stated is None else stated
        check_has_begun(source, life)
        if standing(source, life) == "in_force":
            return life
        self._dropped.labels("other_life").inc()
        return None

    def _source(self, source_id: str, stated: int | None, timestamp_ms: int) -> Source | None:
        source = self._registry.source(source_id)
        if source is not None and stated is not None and stated <= source.life:
            return source
        if source is None and self._registry.auto_register and stated in (None, 1):
            self._registry.request(source_id, timestamp_ms)
            return None
        self._look()  # a record that says no life is judged by all that was written before it
        source = self._registry.source(source_id)
        if source is None:
            raise InvalidMessage(
                f"source {source_id!r} is not registered: "
                "add it, or set FRAMEBUS_AUTO_REGISTER=1 so that senders register themselves"
            )
        return source

    def _look(self) -> None:
        if not self._looked:
            self._registry.look_again()
            self._looked = True

    def _vector(self, record: Record, headers: EmbeddingHeaders) -> Vector | None:
        if headers.mark is not None:
            return None
        try:
            return decode_vector(record.value, self._dimension)
        except InvalidMessage as invalid:
            self._outbox.reject(record, str(invalid))
            return None


def _check_clock(headers: EmbeddingHeaders, timestamp_ms: int, source: Source | None) -> None:
    """Raise `InvalidMessage` for what no clock has shown: a sample from the future of a push source, whose sender may have
    embedded it itself, or a run that no decoder of a camera has begun.
    """
    if (source is None or source.kind == "push") and (ahead := ahead_of(timestamp_ms, headers.t_ms, headers.captured_ms)):
        raise InvalidMessage(ahead[1])
    is_live = source is not None and source.kind == "camera" and headers.stream == headers.source_id
    if is_live and headers.run is not None and not is_run_of_a_camera(headers.run, timestamp_ms):
        raise InvalidMessage(
            f"run {headers.run} of camera {headers.source_id!r} lies far in the future: its decoder numbers runs by the clock; "
            "whoever else sends takes an id of its own"
        )

"""What the indexer knows of sources, spaces and finished chunks: state topics, read whole and followed."""

from typing import Final

from schemas.groups import Lane
from schemas.messages import ChunkStatus, Source, SourceRequest, Space
from schemas.topics import CHUNK_STATUS, SOURCE_REQUESTS, SOURCES, SPACES
from services.indexer.metrics import REQUESTED
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.recent import Recent
from streaming.state import StateTopic

LOOK_SECONDS: Final = 5.0


class Registry:
    """Sources and spaces by name, the chunks that are done in one space, and the way to ask for an unknown source."""

    def __init__(self, bootstrap: str, space: str, lane: Lane, outbox: Outbox, metrics: Metrics, *, auto_register: bool) -> None:
        self.auto_register = auto_register
        self._space, self._outbox = space, outbox
        self._sources = StateTopic(bootstrap, SOURCES, Source)
        self._spaces = StateTopic(bootstrap, SPACES, Space)
        self._chunks = StateTopic(bootstrap, CHUNK_STATUS, ChunkStatus) if lane == "bulk" else None
        self._requested = metrics.of(REQUESTED)
        self._asked = Recent()
        self._changed: list[Source] = []

    def read_to_end(self, deadline_seconds: float) -> None:
        """Read all topics to their ends, or raise `Unavailable`."""
        self._sources.read_to_end(deadline_seconds)
        self._spaces.read_to_end(deadline_seconds)
        if self._chunks is not None:
            self._chunks.read_to_end(deadline_seconds)
        self._changed = list(self._sources.values.values())

    def changed(self) -> list[Source]:
        """Follow the topics; return the sources that have changed since the last call, all of them at the first."""
        self._follow()
        changed, self._changed = self._changed, []
        return changed

    def sources(self) -> list[Source]:
        """Return all sources as they are known now."""
        return list(self._sources.values.values())

    def source(self, source_id: str) -> Source | None:
        """Return a source as it is known now."""
        return self._sources.values.get(source_id)

    def knows_space(self, space: str) -> bool:
        """Return whether anybody has made this space known."""
        return space in self._spaces.values

    def is_done(self, stream: str) -> bool:
        """Return whether a chunk's rows were confirmed in this space."""
        return self._chunks is not None and f"{self._space}/{stream}" in self._chunks.values

    def done(self) -> list[ChunkStatus]:
        """Return the chunks whose rows were confirmed in this space."""
        chunks = () if self._chunks is None else self._chunks.values.values()
        return [status for status in chunks if status.space == self._space]

    def look_again(self) -> None:
        """Read on to where sources and spaces end now: a record may overtake the message that its sender had read.

        Raises `Unavailable`. Whoever names a source or a life has read of it, so what is not there by now will not come.
        """
        self._sources.read_on(LOOK_SECONDS)
        self._spaces.read_on(LOOK_SECONDS)
        self._follow()

    def request(self, source_id: str, seen_ms: int) -> None:
        """Ask that an unknown source be registered, unless that was asked of late."""
        if not self._asked.note(source_id):
            return
        request = SourceRequest(reason="unknown_id", source_id=source_id, at_ms=seen_ms)
        self._outbox.send_message(SOURCE_REQUESTS.name, request, key=source_id)
        self._requested.inc()

    def is_followed(self) -> bool:
        """Whether Kafka is still there, as far as following has been told; from any thread."""
        return self._sources.is_followed()

    def close(self) -> None:
        """End reading."""
        self._sources.close()
        self._spaces.close()
        if self._chunks is not None:
            self._chunks.close()

    def _follow(self) -> None:
        self._changed += self._sources.poll()
        self._spaces.poll()
        if self._chunks is not None:
            self._chunks.poll()

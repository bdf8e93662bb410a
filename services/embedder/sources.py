"""The sources that are known, and what happens with an id that is not."""

from typing import Final

from schemas.errors import InvalidMessage
from schemas.messages import Source, SourceRequest
from schemas.topics import SOURCE_REQUESTS
from services.embedder.metrics import REQUESTED
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.recent import Recent
from streaming.state import StateTopic

LOOK_SECONDS: Final = 2.0


class KnownSources:
    """The wanted state of sources, read by id; asks query to register an unknown one where that is allowed."""

    def __init__(self, state: StateTopic[Source], outbox: Outbox, metrics: Metrics, *, auto_register: bool) -> None:
        self._state, self._outbox, self._auto_register = state, outbox, auto_register
        self._requested = metrics.of(REQUESTED)
        self._asked = Recent()
        self._looked = False

    def next_batch(self) -> None:
        """Allow one more look at the log: one is enough for all records that were read before it."""
        self._looked = False

    def find(self, source_id: str, life: int | None, seen_ms: int) -> Source | None:
        """Return a source, or None for one that has been asked to be registered, as first seen at `seen_ms`.

        `life` is what a record says; one that says none, or more than is known, is judged by all that was written before it.
        Raises `InvalidMessage` for an unknown id where nothing is registered by itself, and `Unavailable` where Kafka does not
        say what it holds.
        """
        source = self._state.values.get(source_id)
        if life is None or source is None or life > source.life:
            self._look()  # a record may have overtaken what its sender had read of its source
            source = self._state.values.get(source_id)
        if source is None:
            self._ask(source_id, seen_ms)
        return source

    def _look(self) -> None:
        if not self._looked:
            self._state.read_on(LOOK_SECONDS)
            self._state.poll()
            self._looked = True

    def _ask(self, source_id: str, seen_ms: int) -> None:
        if not self._auto_register:
            raise InvalidMessage(
                f"source {source_id!r} is not registered: "
                "add it, or set FRAMEBUS_AUTO_REGISTER=1 so that senders register themselves"
            )
        if self._asked.note(source_id):
            request = SourceRequest(reason="unknown_id", source_id=source_id, at_ms=seen_ms)
            self._outbox.send_message(SOURCE_REQUESTS.name, request, key=source_id)
            self._requested.inc()

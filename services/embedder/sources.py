"""The sources that are known, and what happens with an id that is not."""

from schemas.errors import InvalidMessage
from schemas.messages import Source, SourceRequest
from schemas.topics import SOURCE_REQUESTS
from services.embedder.metrics import REQUESTED
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.recent import Recent
from streaming.state import StateTopic


class KnownSources:
    """The wanted state of sources, read by id; asks query to register an unknown one where that is allowed."""

    def __init__(self, state: StateTopic[Source], outbox: Outbox, metrics: Metrics, *, auto_register: bool) -> None:
        self._state, self._outbox, self._auto_register = state, outbox, auto_register
        self._requested = metrics.of(REQUESTED)
        self._asked = Recent()

    def find(self, source_id: str, seen_ms: int) -> Source | None:
        """Return a source, or None for one that has been asked to be registered, as first seen at `seen_ms`.

        Raises `InvalidMessage` for an unknown id where nothing is registered by itself.
        """
        source = self._state.values.get(source_id)
        if source is None:
            self._state.poll()  # the record may have overtaken its source
            source = self._state.values.get(source_id)
        if source is None:
            self._ask(source_id, seen_ms)
        return source

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

"""HTTP for clients that nobody knows yet: a head that does not end, or takes its time, ends the connection.

Uvicorn has no limit for what comes before the body: a client without a key could fill the memory of this service, or hold
thousands of its connections.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from typing import Any, ClassVar, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from services.query.problems import Problem

HEAD_LIMIT_BYTES: Final = 65_536


class BoundedHeads(HttpToolsProtocol):
    """HTTP/1.1 whose heads have at most 64 KB and come within seconds; the same limit holds for what stands behind a body.

    How long a connection may be idle between two requests is uvicorn's to say.
    """

    head_seconds: ClassVar[float] = 10.0

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._unfinished_bytes = 0  # received since the parser has last given a head or a piece of a body
        self._is_in_body = False
        self._giving_up: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as in what this extends
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Give the parser what has come, and no more at once than it may keep."""
        while data and not self.transport.is_closing():
            if not self._room:
                self._refuse()
                return
            if not self._is_in_body:
                self._await_head()
            piece, data = data[: self._room], data[self._room :]
            self._unfinished_bytes += len(piece)
            super().data_received(piece)

    def on_message_begin(self) -> None:
        """Wait for the end of the head that begins."""
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer the request, however long its body takes."""
        self._stop_waiting()
        self._unfinished_bytes, self._is_in_body = 0, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._unfinished_bytes, self._is_in_body = 0, False
        super().on_message_complete()

    @property
    def _room(self) -> int:
        return HEAD_LIMIT_BYTES - self._unfinished_bytes

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        if self._giving_up is None:
            self._giving_up = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _give_up(self) -> None:
        """Close, unless an answer is under way: what comes behind its request is read when it is over."""
        self._giving_up = None
        if not self._is_answering:
            self.transport.close()

    def _refuse(self) -> None:
        if not self._is_answering:
            refusal = Problem(431, "head-too-large", f"a request may have {HEAD_LIMIT_BYTES} bytes before its body").response()
            headers = b"".join(b"%b: %b\r\n" % header for header in refusal.raw_headers)
            self.transport.writelines([STATUS_LINE[431], b"connection: close\r\n", headers, b"\r\n", refusal.body])
        self.transport.close()

"""`POST /v1/sources/{source_id}/frames`: a picture into a push source, for senders that speak HTTP and not Kafka."""

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from encoders.pictures import decode
from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders, encode_frame_headers
from schemas.limits import LARGEST_T_MS, PAYLOAD_LIMIT_BYTES
from schemas.messages import Source
from schemas.producer_clock import EPOCH_FROM_MS, ahead_of
from schemas.topics import FRAMES_LIVE
from services.query import wanted
from services.query.access import Grant, require
from services.query.bodies import read_jpeg
from services.query.problems import Problem, invalid, unavailable
from services.query.readiness import Readiness
from services.query.source_routes import may_write
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from streaming.outbox import Outbox

SENDER: Final = Depends(require("ingest"))
THREADS: Final = 2
CHECKED_PX: Final = 32
"""Pictures are decoded at an eighth: enough to know that all of one is there."""
UNCONFIRMED_LIMIT: Final = 48
"""Frames that Kafka has not confirmed, at most: what is more stays with its sender, and never fills the producer's queue."""
CONFIRM_SECONDS: Final = 5.0

Time = Annotated[int | None, Query(ge=-LARGEST_T_MS, le=LARGEST_T_MS)]
Clock = Annotated[int | None, Query(ge=0, le=LARGEST_T_MS)]
DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


@dataclass(frozen=True, slots=True)
class Times:
    """When a picture was taken: on its source's timeline, and in UTC."""

    t_ms: int
    captured_ms: int


def times_of(t_ms: int | None, captured_ms: int | None, now_ms: int) -> Times:
    """Return both times from those that were given, else now; raise the problem of one in the future.

    A `t_ms` that reads as UTC says when the picture was taken, too.
    """
    if captured_ms is None:
        captured_ms = t_ms if t_ms is not None and t_ms > EPOCH_FROM_MS else now_ms
    times = Times(captured_ms if t_ms is None else t_ms, captured_ms)
    if ahead := ahead_of(now_ms, times.t_ms, times.captured_ms):
        raise invalid(*ahead)
    return times


def headers_of(source: Source, times: Times) -> FrameHeaders:
    """Return the headers of a picture. They state the life, so that no clock decides: one may have been ahead when it began."""
    source_id = source.source_id
    return FrameHeaders(source_id=source_id, stream=source_id, life=source.life, t_ms=times.t_ms, captured_ms=times.captured_ms)


class FrameIntake:
    """Takes pictures into `frames-live`. It has threads of its own: senders must not hold up searches."""

    def __init__(
        self,
        book: SourceBook,
        writer: SourceWriter,
        outbox: Outbox,
        readiness: Readiness,
        *,
        auto_register: bool,
        sample_fps: float,
        unconfirmed_limit: int = UNCONFIRMED_LIMIT,
    ) -> None:
        self._book, self._writer, self._outbox, self._readiness = book, writer, outbox, readiness
        self._auto_register, self._sample_fps = auto_register, sample_fps
        self._pool = ThreadPoolExecutor(THREADS, "frames")
        self._lock = threading.Lock()
        self._unconfirmed, self._unconfirmed_limit = 0, unconfirmed_limit

    async def take(self, source_id: str, jpeg: bytes, t_ms: int | None, captured_ms: int | None) -> Response:
        """Answer 202 when Kafka has confirmed the picture, else with the problem of what is wrong."""
        self._readiness.require("kafka")
        times = times_of(t_ms, captured_ms, _now_ms())
        self._check_source(source_id, self._book.record(source_id))
        partition, offset = await asyncio.get_running_loop().run_in_executor(self._pool, self._send, source_id, jpeg, times)
        document = {
            "source_id": source_id,
            "t_ms": times.t_ms,
            "captured_ms": times.captured_ms,
            "partition": partition,
            "offset": offset,
        }
        return Response(orjson.dumps(document), 202, media_type="application/json")

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _check_source(self, source_id: str, source: Source | None) -> None:
        """Raise the problem of a source that takes no pictures."""
        ways = f'PUT /v1/sources/{source_id} with {{"kind": "push"}} adds it'
        if source is not None and source.wanted == "removed" and not self._book.is_acknowledged(source_id):
            raise unavailable(f"Kafka has not confirmed yet that source {source_id!r} is removed: send this picture again later")
        if source is not None and source.wanted == "removed":
            raise Problem(404, "unknown-source", f"source {source_id!r} was removed: {ways} again")
        if source is None and not self._auto_register:
            others = "FRAMEBUS_AUTO_REGISTER=1 lets senders register themselves"
            raise Problem(404, "unknown-source", f"source {source_id!r} is not known: {ways}; {others}")
        if source is not None and source.kind != "push":
            detail = f"source {source_id!r} is a {source.kind}, which is read and not sent: send to an id of its own"
            raise Problem(409, "not-a-push-source", detail)

    def _send(self, source_id: str, jpeg: bytes, times: Times) -> tuple[int, int]:
        """Send a picture and return its partition and offset. Blocks until Kafka has it; `Unavailable` when that takes long."""
        _check_picture(jpeg)
        headers = headers_of(self._written_source(source_id), times)
        confirmed: Future[tuple[int, int]] = Future()
        self._count_in()

        def on_delivered(partition: int, offset: int) -> None:
            self._count_out()
            confirmed.set_result((partition, offset))

        self._outbox.send(FRAMES_LIVE.name, jpeg, key=source_id, headers=encode_frame_headers(headers), on_delivered=on_delivered)
        self._outbox.flush(CONFIRM_SECONDS)
        return confirmed.result(CONFIRM_SECONDS)  # another thread's flush may be the one that is told

    def _written_source(self, source_id: str) -> Source:
        """Return a source that takes pictures, once Kafka has its record; an unknown one is registered.

        A picture of a life that Kafka does not have yet would be refused: to whoever reads it the life has not begun.
        """
        source = self._book.record(source_id)
        if source is None:
            source = self._writer.send(source_id, lambda last: wanted.register(last, source_id, self._sample_fps, _now_ms()))
            assert source is not None
        self._check_source(source_id, source)
        if not self._book.is_acknowledged(source_id):
            self._writer.flush()
        return source

    def _count_in(self) -> None:
        with self._lock:
            if self._unconfirmed >= self._unconfirmed_limit:
                raise unavailable(f"Kafka has not confirmed {self._unconfirmed} pictures: send this one again later")
            self._unconfirmed += 1

    def _count_out(self) -> None:
        with self._lock:
            self._unconfirmed -= 1


def _check_picture(jpeg: bytes) -> None:
    try:
        decode(jpeg, CHECKED_PX, CHECKED_PX)
    except InvalidMessage as error:
        raise invalid("body", f"body is no picture that can be used: {error}") from None


def _now_ms() -> int:
    return int(time.time() * 1000)


def frame_router(intake: FrameIntake) -> APIRouter:
    """Make the route of pushed pictures."""
    router = APIRouter(prefix="/v1/sources/{source_id}", tags=["sources"])

    @router.post("/frames", status_code=202, openapi_extra=DOCUMENTED)
    async def post_frame(
        source_id: str, request: Request, grant: Annotated[Grant, SENDER], t_ms: Time = None, captured_ms: Clock = None
    ) -> Response:
        """Put a JPEG into a push source: `t_ms` on its timeline and `captured_ms` in UTC are now where they are left out.

        Confirmed by Kafka when this answers. The same `t_ms` again overwrites the row.
        """
        may_write(source_id, grant)
        return await intake.take(source_id, await read_jpeg(request, PAYLOAD_LIMIT_BYTES), t_ms, captured_ms)

    return router

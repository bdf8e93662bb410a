"""`/v1/admin/deadletters`: records that could not be processed; list them, show one, send them again."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from schemas.limits import LARGEST_T_MS
from services.query.access import Grant, require
from services.query.bodies import read_json
from services.query.letter_pages import DEAD, LettersAddress, find, is_number, page
from services.query.letter_view import source_of, whole
from services.query.problems import Problem, invalid
from services.query.replays import NotReplayed, is_payload, to_replay
from services.query.sources import SourceBook
from services.query.strict import Strict, parsed
from streaming.dead_letter_log import DeadLetterLog
from streaming.dead_letters import DeadLetter
from streaming.logs import get_logger
from streaming.outbox import Outbox
from streaming.records import Record

T = TypeVar("T")
OWNER: Final = Depends(require("manage"))
BODY_LIMIT_BYTES: Final = 64_000
REPLAYED_AT_ONCE: Final = 100
CONFIRM_SECONDS: Final = 5.0
DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ReplayRequest"}}}}
}
Number = Annotated[int, Path(ge=0, le=LARGEST_T_MS)]
log = get_logger("dead-letters")


class ReplayRequest(Strict):
    """Letters to send again. With `dry_run` nothing is sent: the answer says what would be."""

    ids: Annotated[list[Annotated[str, Field(max_length=80)]], Field(min_length=1, max_length=REPLAYED_AT_ONCE, fail_fast=True)]
    dry_run: bool = False


@dataclass(frozen=True)
class DeadLetters:
    """Looks at the dead-letter topics anew for each answer. A key is shown the letters of the sources that it may see."""

    kafka: str
    book: SourceBook
    outbox: Outbox
    pool: Executor

    async def newest(self, address: LettersAddress, grant: Grant) -> Response:
        """Answer with the newest letters that are asked for, and the cursor that goes on where it stopped."""
        found, cursor = await self._look(lambda kafka: page(kafka, address, grant))
        return _json({"dead_letters": [seen.document() for seen in found], "next_cursor": cursor})

    async def show(self, topic: str, number: int, grant: Grant) -> Response:
        """Answer with all that is shown of one letter, and why it could not be replayed."""
        letter = await self._look(lambda kafka: _one(kafka, topic, number, grant))
        return _json(whole(letter) | {"obstacle": self._obstacle(letter)})

    async def value(self, topic: str, number: int, grant: Grant) -> Response:
        """Answer with the bytes of a picture or a vector. JSON may hold what nobody is to see: it is shown and not given out."""
        letter = await self._look(lambda kafka: _one(kafka, topic, number, grant))
        if not is_payload(topic):
            raise Problem(409, "value-is-json", f"the values of {topic} are JSON, which GET …/{number} shows")
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return Response(letter.record.value or b"", 200, headers, "application/octet-stream")

    async def replay(self, request: ReplayRequest, grant: Grant) -> Response:
        """Send letters again, each to where its record came from; answered when Kafka has them all."""
        ids = [_split(one) for one in dict.fromkeys(request.ids)]
        letters = await self._look(lambda kafka: [find(kafka, topic, number, grant) for topic, number in ids])
        records: dict[str, Record] = {}
        refused: dict[str, str] = {}
        for (topic, number), letter in zip(ids, letters, strict=True):
            one = f"{topic}/{number}"
            try:
                records[one] = self._to_replay(letter)
            except NotReplayed as reason:
                refused[one] = str(reason)
        offsets = {} if request.dry_run else await self._wait_for(lambda: self._send(records))
        log.info("replayed", key_id=grant.key_id, letters=len(offsets), refused=len(refused), dry_run=request.dry_run)
        replayed = [_replayed(one, record, offsets.get(one)) for one, record in records.items()]
        document = {"replayed": replayed, "refused": [{"id": one, "reason": why} for one, why in refused.items()]}
        return _json(document | {"dry_run": request.dry_run})

    def _to_replay(self, letter: DeadLetter | None) -> Record:
        if letter is None:
            raise NotReplayed("there is no such dead letter, or not any more")
        named = source_of(letter)
        return to_replay(letter, None if named is None else self.book.record(named))

    def _obstacle(self, letter: DeadLetter) -> str | None:
        try:
            self._to_replay(letter)
        except NotReplayed as reason:
            return str(reason)
        return None

    def _send(self, records: Mapping[str, Record]) -> dict[str, int]:
        """Send records and return their offsets; `Unavailable` when Kafka has not got them all in time, though it may."""
        confirmed: dict[str, Future[int]] = {one: Future() for one in records}
        for one, record in records.items():
            self.outbox.send_again(record, partial(_confirm, confirmed[one]))
        self.outbox.flush(CONFIRM_SECONDS)
        return {one: sent.result(CONFIRM_SECONDS) for one, sent in confirmed.items()}  # another thread's flush may be told

    async def _look(self, look: Callable[[DeadLetterLog], T]) -> T:
        def looking() -> T:
            with DeadLetterLog(self.kafka) as kafka:
                return look(kafka)

        return await self._wait_for(looking)

    async def _wait_for(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)


def _confirm(sent: Future[int], _partition: int, offset: int) -> None:
    sent.set_result(offset)


def _one(kafka: DeadLetterLog, topic: str, number: int, grant: Grant) -> DeadLetter:
    letter = find(kafka, topic, number, grant)
    if letter is None:
        detail = f"dead letter {topic[:80]}/{number} is not there: GET /v1/admin/deadletters lists those that are"
        raise Problem(404, "unknown-dead-letter", detail)
    return letter


def _split(letter_id: str) -> tuple[str, int]:
    topic, _, number = letter_id.rpartition("/")
    if topic not in DEAD or not is_number(number):
        raise invalid("ids", f"id {letter_id[:80]!r}: expected TOPIC/NUMBER, as they are listed")
    return topic, int(number)


def _replayed(letter_id: str, record: Record, offset: int | None) -> dict[str, Any]:
    return {"id": letter_id, "topic": record.partition.topic, "partition": record.partition.number, "offset": offset}


def _json(document: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")


def dead_letter_router(letters: DeadLetters) -> APIRouter:
    """Make the routes of dead letters."""
    router = APIRouter(prefix="/v1/admin/deadletters", tags=["admin"])

    @router.get("")
    async def list_dead_letters(address: Annotated[LettersAddress, Query()], grant: Annotated[Grant, OWNER]) -> Response:
        """List records that could not be processed, newest first, with the reason and where each was."""
        return await letters.newest(address, grant)

    @router.post("/replay", openapi_extra=DOCUMENTED)
    async def replay_dead_letters(request: Request, grant: Annotated[Grant, OWNER]) -> Response:
        """Send dead letters again to the topics and partitions that they came from. Doing so twice changes nothing more."""
        return await letters.replay(parsed(ReplayRequest, await read_json(request, BODY_LIMIT_BYTES)), grant)

    @router.get("/{topic}/{number}")
    async def show_dead_letter(topic: str, number: Number, grant: Annotated[Grant, OWNER]) -> Response:
        """Show one: every header, its value as far as it can be read, and what stands against a replay."""
        return await letters.show(topic, number, grant)

    @router.get("/{topic}/{number}/value")
    async def give_value(topic: str, number: Number, grant: Annotated[Grant, OWNER]) -> Response:
        """Give the bytes of a frame or an embedding."""
        return await letters.value(topic, number, grant)

    return router

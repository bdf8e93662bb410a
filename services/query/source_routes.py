"""`/v1/sources`: list, show, add or change, pause or resume, remove."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.errors import InvalidMessage
from schemas.identity import check_source_id
from schemas.messages import Source
from services.query import filters, wanted
from services.query.access import Grant, require
from services.query.addresses import Allowed, check_networks
from services.query.bodies import read_json
from services.query.media.removal import Removed
from services.query.media.uploads import overtaken
from services.query.passwords import Passwords, split_off
from services.query.problems import invalid
from services.query.readiness import Readiness
from services.query.source_request import DefaultFps, SourceRequest, parse, patched, to_wish
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook, unknown_source
from services.query.store import Store
from streaming.errors import Unavailable

T = TypeVar("T")
BODY_LIMIT_BYTES: Final = 256_000
READER: Final = Depends(require("search"))
OWNER: Final = Depends(require("manage"))
DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SourceRequest"}}}}
}


@dataclass(frozen=True)
class Sourcing:
    """What the routes of sources need.

    `remove_media` deletes what is stored of (source_id, lives up to this one, uploads until then: Unix time in ns) and says how
    much that was.
    """

    book: SourceBook
    writer: SourceWriter
    store: Store
    readiness: Readiness
    pool: Executor
    allowed: Allowed
    default_fps: DefaultFps
    passwords: Passwords
    remove_media: Callable[[str, int, int], Removed]

    def get(self, source_id: str, grant: Grant) -> Source:
        """Return a source that a key may see, or raise its 404."""
        self.readiness.require("kafka")
        return self.book.get(source_id, grant)

    async def change(self, source_id: str, next_of: Callable[[Source | None], Source | None]) -> Source | None:
        """Write the next record of a source; a password that it does not need goes when Kafka has it."""
        self.readiness.require("kafka")

        def write() -> Source | None:
            record = self.writer.change(source_id, next_of)
            if record is not None:
                self.passwords.release(record, self.writer.while_unchanged)
            return record

        return await self._wait_for(write)

    async def get_written(self, source_id: str, grant: Grant) -> Source:
        """As `get`, of a removal that Kafka has: one that it may never get must tell nobody that the source is gone."""
        self.readiness.require("kafka")
        record = self.book.record(source_id)
        is_removed = record is not None and record.wanted == "removed"
        if is_removed and grant.may_see(source_id) and not self.book.is_acknowledged(source_id):
            await self._wait_for(self.writer.flush)
        return self.get(source_id, grant)

    async def put(self, source_id: str, request: SourceRequest, grant: Grant) -> Response:
        """Make a source what is wished, and answer with it."""
        may_write(source_id, grant)
        url, password = await self._admitted(request.url, source_id)
        asked = request.model_copy(update={"url": url})

        def next_of(last: Source | None) -> Source:
            record = wanted.put(last, source_id, to_wish(asked, self.allowed, self.default_fps, last), _now_ms())
            self.passwords.settle(last, record, password)
            return record

        is_new = not self._is_there(source_id)
        return self._shown(await self.change(source_id, next_of), 201 if is_new else 200)

    async def patch(self, source_id: str, changes: dict[str, Any], grant: Grant) -> Response:
        """Change a part of a source, and answer with all of it."""
        patched(await self.get_written(source_id, grant), changes)  # says what is wrong before a name is looked up
        url, password = await self._admitted(changes.get("url"), source_id)
        asked = changes if url is None else changes | {"url": url}

        def next_of(last: Source | None) -> Source:
            if last is None or last.wanted == "removed":
                raise unknown_source(source_id)
            wish = to_wish(patched(last, asked), self.allowed, self.default_fps, last)
            record = wanted.put(last, source_id, wish, _now_ms())
            self.passwords.settle(last, record, password)
            return record

        return self._shown(await self.change(source_id, next_of))

    async def register_upload(self, source_id: str, path: Path, name: str, grant: Grant) -> Response:
        """Make the uploaded file at `path` the media of a source; what is known of the source stays.

        Raises `overtaken` where the file is no longer there.
        """
        may_write(source_id, grant)

        def next_of(last: Source | None) -> Source:
            if not path.is_file():  # asked here, because uploads are removed while no record changes
                raise overtaken()
            known = last is not None and last.wanted != "removed"
            request = patched(last, {"url": None}) if last is not None and known else SourceRequest(name=name[:200])
            wish = to_wish(request.model_copy(update={"url": None, "kind": "file"}), self.allowed, self.default_fps, last)
            return wanted.put(last, source_id, replace(wish, url=str(path)), _now_ms())

        is_new = not self._is_there(source_id)
        return self._shown(await self.change(source_id, next_of), 201 if is_new else 200)

    async def remove(self, source_id: str, grant: Grant) -> Response:
        """Remove a source: searches hide it from now on; the indexer deletes its rows; what is stored of it goes here."""
        source, removed_ns = await self.get_written(source_id, grant), 0

        def next_of(last: Source | None) -> Source:
            nonlocal removed_ns
            removed_ns = time.time_ns()
            return wanted.remove(last or source)

        over = await self.change(source_id, next_of) or source
        rows, removed = await self._wait_for(lambda: (self._rows_of(over), self.remove_media(source_id, over.life, removed_ns)))
        document = {"source_id": source_id, "rows": rows, "media_files": removed.files, "media_bytes": removed.bytes}
        return _json(document)

    async def page(self, grant: Grant, cursor: str | None, limit: int) -> Response:
        """Answer with the sources after `cursor`, by id; without those alone whose removal Kafka has."""
        self.readiness.require("kafka")
        known = [source for source in self.book.by_number().values() if _sees(grant, source)]
        seen = [source for source in known if source.wanted != "removed"]
        if not all(self.book.is_acknowledged(source.source_id) for source in known if source.wanted == "removed"):
            await self._wait_for(self.writer.flush)
        seen = sorted((source for source in seen if source.source_id > (cursor or "")), key=lambda source: source.source_id)
        following = seen[limit - 1].source_id if len(seen) > limit else None
        return _json({"sources": [self._document(source) for source in seen[:limit]], "next_cursor": following})

    async def show(self, source_id: str, grant: Grant) -> Response:
        """Answer with one source."""
        return self._shown(await self.get_written(source_id, grant))

    async def _admitted(self, url: str | None, source_id: str) -> tuple[str | None, str | None]:
        """Return an address without its password, and the password; raise the problem of a camera where none may be."""
        if url is None:
            return None, None
        address, password = split_off(url, source_id)
        await check_networks(address, self.allowed)
        return address, password

    def _is_there(self, source_id: str) -> bool:
        last = self.book.record(source_id)
        return last is not None and last.wanted != "removed"

    def _rows_of(self, source: Source) -> int | None:
        try:
            return self.store.count(self.store.collection().name, filters.of_life(source), "Bounded")
        except Unavailable:
            return None

    def _shown(self, source: Source | None, status: int = 200) -> Response:
        assert source is not None
        return _json(self._document(source), status)

    def _document(self, source: Source) -> dict[str, Any]:
        record: dict[str, Any] = msgspec.to_builtins(source)
        del record["lives"]
        view: dict[str, Any] = msgspec.to_builtins(self.book.view(source))
        return record | view

    async def _wait_for(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)


def source_router(sourcing: Sourcing) -> APIRouter:
    """Make the routes of sources."""
    router = APIRouter(prefix="/v1/sources", tags=["sources"])

    @router.get("")
    async def list_sources(
        grant: Annotated[Grant, READER],
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    ) -> Response:
        """List the sources that the key may see, by id, with their states."""
        return await sourcing.page(grant, cursor, limit)

    @router.get("/{source_id}")
    async def show_source(source_id: str, grant: Annotated[Grant, READER]) -> Response:
        """Show one source and how far it is."""
        return await sourcing.show(source_id, grant)

    @router.put("/{source_id}", openapi_extra=DOCUMENTED)
    async def put_source(source_id: str, request: Request, grant: Annotated[Grant, OWNER]) -> Response:
        """Add a source, or make it exactly this; what is left out takes its default."""
        return await sourcing.put(source_id, parse(await read_json(request, BODY_LIMIT_BYTES)), grant)

    @router.patch("/{source_id}", openapi_extra=DOCUMENTED)
    async def patch_source(source_id: str, request: Request, grant: Annotated[Grant, OWNER]) -> Response:
        """Change any part of a source: `wanted` pauses and resumes it."""
        return await sourcing.patch(source_id, await read_json(request, BODY_LIMIT_BYTES), grant)

    @router.delete("/{source_id}")
    async def delete_source(source_id: str, grant: Annotated[Grant, OWNER]) -> Response:
        """Remove a source with its rows, thumbnails and stored media, and say how much that was."""
        return await sourcing.remove(source_id, grant)

    return router


def may_write(source_id: str, grant: Grant) -> None:
    """Raise the problem of an id that breaks the rule, or that a key may not see."""
    try:
        check_source_id(source_id)
    except InvalidMessage as error:
        raise invalid("source_id", str(error)) from None
    if not grant.may_see(source_id):
        raise unknown_source(source_id)


def _sees(grant: Grant, source: Source) -> bool:
    return grant.may_see(source.source_id)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _json(document: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")

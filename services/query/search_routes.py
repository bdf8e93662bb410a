"""`/v1/search`."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.limits import UNKNOWN_MS
from services.query import metrics as m
from services.query.access import Grant, Signer, require
from services.query.bodies import read_search
from services.query.pages import Pages, next_cursor
from services.query.ranking import Found
from services.query.readiness import Part, Readiness
from services.query.search import Answer, Search
from services.query.search_request import BODY_LIMIT_BYTES, SearchAddress, SearchRequest, parse, to_query
from services.query.workshop import Workshop
from streaming.metrics import Metrics

LINK_SECONDS: Final = 3_600
WAITING_LIMIT: Final = 128
"""Searches in hand, at most: with a Milvus that answers they are over within two seconds."""
NEEDED: Final[tuple[Part, ...]] = ("kafka", "milvus", "model")
SEARCHER: Final = Depends(require("search"))
DOCUMENTED: Final[dict[str, Any]] = {
    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SearchRequest"}}}}
}


@dataclass(frozen=True)
class Searching:
    """What the routes of search need. `notice` is shown with every answer."""

    search: Search
    shop: Workshop[Answer]
    readiness: Readiness
    metrics: Metrics
    signer: Signer
    notice: str | None
    pages: Pages[Answer]

    async def answer(self, request: SearchRequest, picture: bytes | None, grant: Grant) -> Response:
        """Answer with the page that a request asks for."""
        started = time.perf_counter()
        if request.cursor is not None:
            token, listed, place = self.pages.find(request.cursor, grant.key_id, time.monotonic())
        else:
            self.readiness.require(*NEEDED)
            listed = await self.shop.do(object(), partial(self._search, request, picture, grant))
            self._measure(listed, time.perf_counter() - started)
            token, place = self.pages.keep(listed, grant.key_id, time.monotonic()), 0
        end = place + request.limit
        shown = self.search.in_force(listed.hits[place:end], grant)
        document = {
            "hits": [_hit(hit, self._link(hit.source_id, grant)) for hit in shown],
            "found": listed.found,
            "space": listed.space,
            "notice": self.notice,
            "sources_without_clock": listed.without_clock,
            "next_cursor": next_cursor(token, end) if end < len(listed.hits) else None,
            "took_ms": _took(listed, started, first=request.cursor is None),
        }
        return Response(orjson.dumps(document), media_type="application/json")

    def _search(self, request: SearchRequest, picture: bytes | None, grant: Grant) -> Answer:
        """Search, on a thread. What went away while this waited for one is told at once, and not waited for again."""
        self.readiness.require(*NEEDED)
        return self.search.run(to_query(request, picture), grant)

    def _measure(self, answer: Answer, total_seconds: float) -> None:
        for step, milliseconds in asdict(answer.took).items():
            self.metrics.of(m.SEARCH_SECONDS).labels(step).observe(milliseconds / 1000)
        self.metrics.of(m.SEARCH_SECONDS).labels("total").observe(total_seconds)
        self.metrics.of(m.SEARCHES).labels("yes" if answer.found else "no").inc()

    def _link(self, source_id: str, grant: Grant) -> Callable[[str, dict[str, int]], str]:
        # Whole hours, so that the same picture has the same address for an hour and a browser keeps it.
        expires = (int(time.time()) // LINK_SECONDS + 2) * LINK_SECONDS
        return lambda name, params: self.signer.sign(f"/v1/sources/{source_id}/{name}", params, grant.key_id, expires)


def search_router(searching: Searching) -> APIRouter:
    """Make the routes of search."""
    router = APIRouter(prefix="/v1/search", tags=["search"])

    @router.post("", openapi_extra=DOCUMENTED)
    async def search(request: Request, grant: Annotated[Grant, SEARCHER]) -> Response:
        """Find the seconds that match a text, a picture or both: JSON, or a form with the picture as file `image`."""
        fields, picture = await read_search(request, BODY_LIMIT_BYTES)
        return await searching.answer(parse(fields), picture, grant)

    @router.get("")
    async def search_by_address(address: Annotated[SearchAddress, Query()], grant: Annotated[Grant, SEARCHER]) -> Response:
        """Find by text, from the address bar of a browser."""
        return await searching.answer(address.to_request(), None, grant)

    return router


def _hit(hit: Found, link: Callable[[str, dict[str, int]], str]) -> dict[str, Any]:
    life = {"life": hit.life}
    return {
        "source_id": hit.source_id,
        "start_ms": hit.start_ms,
        "end_ms": hit.end_ms,
        "peak_ms": hit.peak_ms,
        "box": None,
        "captured_at": _iso(hit.captured_ms),
        "score": round(hit.score, 6),
        "confidence": None,
        "provisional": hit.provisional,
        "similar": 0,
        "thumbnail_url": link("thumbnail", life | {"t_ms": hit.peak_ms}),
        "clip_url": link("clip", life | {"start_ms": hit.start_ms, "end_ms": hit.end_ms}) if hit.playable else None,
    }


def _iso(captured_ms: int) -> str | None:
    if captured_ms == UNKNOWN_MS:
        return None
    moment = datetime.fromtimestamp(captured_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{captured_ms % 1000:03d}Z"


def _took(answer: Answer, started: float, *, first: bool) -> dict[str, float]:
    steps = asdict(answer.took) if first else dict.fromkeys(asdict(answer.took), 0.0)
    return {step: round(value, 1) for step, value in (steps | {"total": 1e3 * (time.perf_counter() - started)}).items()}

"""The application: every route on one port."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from encoders.encoder import Encoder
from services.query import metrics as m
from services.query import problems
from services.query.access import Gate
from services.query.access.session_routes import SessionRequest
from services.query.access.session_routes import router as session_router
from services.query.addresses import Allowed
from services.query.dead_letters import DeadLetters, ReplayRequest, dead_letter_router
from services.query.docs_page import add_docs
from services.query.frames import FrameIntake, frame_router
from services.query.media.clips import clip_router
from services.query.media.removal import remove_media
from services.query.media.store import MediaStore
from services.query.media.thumbnails import thumbnail_router
from services.query.media.uploads import upload_router
from services.query.page import FOLDER, Page
from services.query.pages import Pages
from services.query.passwords import Passwords
from services.query.problems import not_yet
from services.query.readiness import Readiness
from services.query.search import Answer, Search
from services.query.search_request import SearchRequest
from services.query.search_routes import Searching, search_router
from services.query.source_request import DefaultFps, SourceRequest
from services.query.source_routes import Sourcing, source_router
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.stack_status import StackStatus, stack_status_router
from services.query.store import Store
from services.query.workshop import Workshop
from streaming.metrics import Metrics
from streaming.outbox import Outbox

LATER: Final = ("/v1/probes", "/v1/events", "/v1/admin", "/v1/sources/{source_id}/scores")


@dataclass(frozen=True)
class Services:
    """Everything that requests use; made once, in `__main__`.

    `pool` is for what changes sources and looks at Kafka, which must not wait behind searches.
    """

    book: SourceBook
    writer: SourceWriter
    store: Store
    encoder: Encoder
    media: MediaStore
    gate: Gate
    readiness: Readiness
    metrics: Metrics
    searches: Workshop[Answer]
    pool: Executor
    allowed: Allowed
    default_fps: DefaultFps
    passwords: Passwords
    intake: FrameIntake
    outbox: Outbox
    kafka: str


def create_app(services: Services) -> FastAPI:
    """Compose the application."""
    app = FastAPI(title="Framebus", docs_url=None, redoc_url=None)
    app.state.gate = services.gate
    problems.install(app)
    app.add_middleware(_Counted, metrics=services.metrics)
    _add_health(app, services)
    sourcing = _sourcing(services)
    app.include_router(search_router(_searching(services)))
    app.include_router(source_router(sourcing))
    app.include_router(clip_router(services.media, sourcing.get, services.book.rises))
    app.include_router(thumbnail_router(services.media, sourcing.get, services.book.rises))
    app.include_router(upload_router(services.media, sourcing.register_upload, services.writer.while_unchanged))
    app.include_router(frame_router(services.intake))
    app.include_router(session_router)
    app.include_router(stack_status_router(StackStatus(services.kafka, services.store, services.pool)))
    app.include_router(dead_letter_router(DeadLetters(services.kafka, services.book, services.outbox, services.pool)))
    _add_later(app)
    add_docs(app)
    _describe(app, (SearchRequest, SourceRequest, ReplayRequest, SessionRequest))
    if FOLDER.is_dir():
        app.mount("/", Page(), name="page")
    return app


def _searching(services: Services) -> Searching:
    search = Search(services.book, services.store, services.encoder)
    return Searching(
        search, services.searches, services.readiness, services.metrics, services.gate.signer, services.encoder.notice, Pages()
    )


def _sourcing(services: Services) -> Sourcing:
    return Sourcing(
        services.book,
        services.writer,
        services.store,
        services.readiness,
        services.pool,
        services.allowed,
        services.default_fps,
        services.passwords,
        partial(remove_media, services.media, services.writer.while_unchanged),
    )


def _add_health(app: FastAPI, services: Services) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> Response:
        """Say that the process answers."""
        return _json({"status": "alive"})

    @app.get("/readyz", tags=["health"])
    async def readyz() -> Response:
        """Say whether Kafka, Milvus and the model can be used: 200 when all can, else 503."""
        parts = services.readiness.parts()
        return _json({"ready": all(parts.values()), "parts": parts}, 200 if all(parts.values()) else 503)

    @app.get("/metrics", tags=["health"])
    async def metrics() -> Response:
        """Return the metrics for Prometheus."""
        return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_later(app: FastAPI) -> None:
    """Answer 501 where a promised part of the API is not built, for every method and everything below."""

    async def later(request: Request) -> Response:
        raise not_yet(request.url.path)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    for path in LATER:
        app.add_api_route(path, later, methods=methods, include_in_schema=False)
        app.add_api_route(path + "/{rest:path}", later, methods=methods, include_in_schema=False)


class _Counted:
    """Counts answers by method and status. What ends without one is answered outside of here, by 500."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_counted = scope["type"] != "http"

        def count(status: int) -> None:
            nonlocal is_counted
            is_counted = True
            self._metrics.of(m.REQUESTS).labels(scope["method"], str(status)).inc()

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            if not is_counted:
                count(500)


def _describe(app: FastAPI, bodies: tuple[type[BaseModel], ...]) -> None:
    """Add to the OpenAPI document what routes and guards read themselves: the schemas of bodies, and the key."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "an API key"}}
        document["security"] = [{"key": []}]
        schemas = components.setdefault("schemas", {})
        for body in bodies:
            schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {}) | {body.__name__: schema}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _json(document: Mapping[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")

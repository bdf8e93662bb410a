"""`/v1/admin/status`: brokers, backlogs, dead letters, spaces and rows, for people who run the stack."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from schemas.groups import DECODER_CHUNKS, DECODER_OWNERSHIP, QUERY_REQUESTS, Lane, embedder_group, indexer_group
from schemas.messages import Space
from schemas.topics import CHUNKS, DEAD_LETTERS, LANES, SOURCE_REQUESTS, SOURCES, SPACES
from services.query import filters
from services.query.access import Grant, require
from services.query.problems import Problem
from services.query.store import Store
from streaming.errors import Unavailable
from streaming.lag import Lag, Reading
from streaming.state import StateTopic

T = TypeVar("T")
OWNER: Final = Depends(require("manage"))
SPACES_SECONDS: Final = 3.0
LANE_NAMES: Final[tuple[Lane, ...]] = ("live", "bulk")


@dataclass(frozen=True)
class StackStatus:
    """Looks at Kafka and Milvus anew for each answer. What does not answer is null, so that the rest is still shown."""

    kafka: str
    store: Store
    pool: Executor

    async def answer(self, grant: Grant) -> Response:
        """Answer with the document, to a key that may see every source: the numbers are of all of them."""
        if grant.sources is not None:
            raise Problem(403, "sources-limited", "This counts what all sources do and needs a key that may see every source.")
        loop = asyncio.get_running_loop()
        looks = (self._kafka, self._index)
        kafka, index = await asyncio.gather(*(loop.run_in_executor(self.pool, _or_none, look) for look in looks))
        return Response(orjson.dumps({"kafka": kafka, "index": index}), media_type="application/json")

    def _kafka(self) -> dict[str, Any]:
        lag = Lag(self.kafka)
        brokers = lag.brokers()
        spaces = self._spaces()
        unread = lag.unread(readings(spaces))
        held = lag.held(topic.name for topic in DEAD_LETTERS)
        return {
            "brokers": brokers,
            "spaces": spaces,
            "unread": [{"topic": one.topic, "group": one.group, "records": records} for one, records in unread.items()],
            "dead_letters": {name.removesuffix(".dlq"): records for name, records in held.items()},
        }

    def _spaces(self) -> list[str]:
        """Return the embedding spaces that are known on the bus."""
        topic = StateTopic(self.kafka, SPACES, Space)
        try:
            topic.read_to_end(SPACES_SECONDS)
            return sorted(topic.values)
        finally:
            topic.close()

    def _index(self) -> dict[str, Any]:
        collection = self.store.collection()
        rows = self.store.count(collection.name, filters.EVERYTHING, "Bounded")
        return {"collection": collection.name, "space": collection.settings.space, "rows": rows}


def readings(spaces: list[str]) -> list[Reading]:
    """Return every topic that is worked through, and the groups that do it; embedder and indexer have one for each space."""
    fixed = [
        Reading(SOURCES.name, DECODER_OWNERSHIP),
        Reading(SOURCE_REQUESTS.name, QUERY_REQUESTS),
        Reading(CHUNKS.name, DECODER_CHUNKS),
    ]
    return fixed + [one for space in spaces for lane in LANE_NAMES for one in _of_lane(lane, space)]


def _of_lane(lane: Lane, space: str) -> list[Reading]:
    frames, embeddings = LANES[lane]
    return [Reading(frames.name, embedder_group(lane, space)), Reading(embeddings.name, indexer_group(lane, space))]


def _or_none(look: Callable[[], T]) -> T | None:
    try:
        return look()
    except Unavailable:
        return None


def stack_status_router(status: StackStatus) -> APIRouter:
    """Make the route of the stack's status."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"])

    @router.get("/status")
    async def show_status(grant: Annotated[Grant, OWNER]) -> Response:
        """Show brokers, spaces, unread records of every consumer group, dead letters that are kept, and rows in the index."""
        return await status.answer(grant)

    return router

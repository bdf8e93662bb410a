"""Every topic, as data: what it says, who writes and reads it, how it is kept.

Partition counts are fixed for a topic's life. The published table, the manifests and the local stack are made from this one.
"""

from dataclasses import dataclass
from typing import Final, Literal

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000

Policy = Literal["compact", "delete"]
Key = Literal["stream", "source_id", "space", "space/stream", "name", "none"]
Service = Literal["decoder", "embedder", "indexer", "query", "any producer", "users"]

WIDE: Final = 24
"""Partitions of the topics that carry work: 1, 2, 3, 4, 6, 8, 12 or 24 workers share them evenly."""


TIMES, OF_THE_SENDER = "message.timestamp.type", "CreateTime"
"""A vector keeps its frame's time, by which its repeats are known; a broker's own time would make each repeat a later one."""


@dataclass(frozen=True)
class Topic:
    """One topic. `retention_ms` is None for a compacted topic; `schema` is the value of the `schema` header."""

    name: str
    schema: str
    key: Key
    partitions: int
    policy: Policy
    retention_ms: int | None
    writers: tuple[Service, ...]
    readers: tuple[Service, ...]
    purpose: str
    dead_letters: bool = False

    @property
    def dlq(self) -> str:
        """Name of the dead-letter topic."""
        return dead_letter_topic(self.name)

    def settings(self) -> dict[str, str]:
        """Return the topic's broker settings."""
        if self.policy == "compact":
            kept = {"segment.ms": str(HOUR_MS), "max.compaction.lag.ms": str(DAY_MS)}
        else:
            kept = {"retention.ms": str(self.retention_ms)}
        return {"cleanup.policy": self.policy, TIMES: OF_THE_SENDER, **kept}


def dead_letter_topic(name: str) -> str:
    """Return the name of a topic's dead-letter topic."""
    return f"{name}.dlq"


def _state(name: str, schema: str, key: Key, writers: tuple[Service, ...], readers: tuple[Service, ...], purpose: str) -> Topic:
    return Topic(name, schema, key, 1, "compact", None, writers, readers, purpose)


SOURCES: Final = Topic(
    "sources", "source/1", "source_id", WIDE, "compact", None, ("query",), ("decoder", "embedder", "indexer", "query"),
    "the wanted state of every source; its partitions decide which decoder owns a source",
)  # fmt: skip
SOURCE_REQUESTS: Final = Topic(
    "source-requests", "source-request/1", "source_id", 1, "delete", 7 * DAY_MS, ("decoder", "embedder", "indexer"), ("query",),
    "an unknown source id to register, a file that changed", dead_letters=True,
)  # fmt: skip
SPACES: Final = _state(
    "spaces", "space/1", "space", ("embedder",), ("embedder", "indexer", "query"), "the embedding spaces that are known"
)
SOURCE_STATUS: Final = _state(
    "source-status", "source-status/1", "source_id", ("decoder",), ("decoder", "query"),
    "state and error of every source, the plan of a file, the last run of a camera",
)  # fmt: skip
CHUNK_STATUS: Final = _state(
    "chunk-status", "chunk-status/1", "space/stream", ("indexer",), ("decoder", "indexer", "query"),
    "chunks whose rows Milvus has confirmed",
)  # fmt: skip
CHUNKS: Final = Topic(
    "chunks", "chunk/1", "stream", WIDE, "delete", 30 * DAY_MS, ("decoder",), ("decoder",),
    "spans of files to decode, dealt round-robin", dead_letters=True,
)  # fmt: skip
FRAMES_LIVE: Final = Topic(
    "frames-live", "frame/1", "stream", WIDE, "delete", 6 * HOUR_MS, ("decoder", "any producer"), ("embedder",),
    "sampled frames of cameras and push sources", dead_letters=True,
)  # fmt: skip
FRAMES_BULK: Final = Topic(
    "frames-bulk", "frame/1", "stream", WIDE, "delete", DAY_MS, ("decoder", "any producer"), ("embedder",),
    "sampled frames of files and of spans caught up", dead_letters=True,
)  # fmt: skip
EMBEDDINGS_LIVE: Final = Topic(
    "embeddings-live", "embedding/1", "stream", WIDE, "delete", 7 * DAY_MS, ("embedder", "any producer"), ("indexer",),
    "vectors of the live lane; the index can be rebuilt from it", dead_letters=True,
)  # fmt: skip
EMBEDDINGS_BULK: Final = Topic(
    "embeddings-bulk", "embedding/1", "stream", WIDE, "delete", 7 * DAY_MS, ("embedder", "any producer"), ("indexer",),
    "vectors of the bulk lane; the index can be rebuilt from it", dead_letters=True,
)  # fmt: skip
RECUT: Final = Topic(
    "recut", "recut/1", "stream", 1, "delete", 30 * DAY_MS, ("embedder", "indexer"), ("decoder",),
    "spans that a consumer lost, to be decoded again", dead_letters=True,
)  # fmt: skip
INDEX_EVENTS: Final = Topic(
    "index-events", "index-event/1", "stream", 1, "delete", 7 * DAY_MS, ("indexer",), ("query",),
    "rows written, with their capture-to-searchable times",
)  # fmt: skip
PROBES: Final = _state("probes", "probe/1", "name", ("query",), ("indexer",), "standing queries and classifiers")
ALERTS: Final = Topic("alerts", "alert/1", "name", 1, "delete", 7 * DAY_MS, ("indexer",), ("query", "users"), "probes that fired")

LANES: Final = {"live": (FRAMES_LIVE, EMBEDDINGS_LIVE), "bulk": (FRAMES_BULK, EMBEDDINGS_BULK)}

PRIMARY: Final = (
    SOURCES, SOURCE_REQUESTS, SPACES, SOURCE_STATUS, CHUNK_STATUS, CHUNKS, FRAMES_LIVE, FRAMES_BULK,
    EMBEDDINGS_LIVE, EMBEDDINGS_BULK, RECUT, INDEX_EVENTS, PROBES, ALERTS,
)  # fmt: skip

DEAD_LETTERS: Final = tuple(
    Topic(
        topic.dlq, topic.schema, topic.key, 1, "delete", 30 * DAY_MS, topic.readers, ("query",),
        f"records of {topic.name} that can never be processed, with the reason in their headers",
    )
    for topic in PRIMARY
    if topic.dead_letters
)  # fmt: skip

TOPICS: Final[dict[str, Topic]] = {topic.name: topic for topic in (*PRIMARY, *DEAD_LETTERS)}

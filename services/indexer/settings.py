"""Every setting of the indexer."""

from dataclasses import dataclass
from pathlib import Path

from schemas.groups import Lane
from schemas.limits import LARGEST_CUT_MEMORY, LARGEST_SIGMA_SECONDS, LONGEST_KEEP_DAYS
from services.indexer.core.settings import SHORTEST_CUT_MEMORY, Smoothing
from streaming.settings import at_least, between, one_of, setting


@dataclass(frozen=True)
class IndexerSettings:
    """What an indexer is told from outside."""

    lane: Lane = setting(
        "FRAMEBUS_INDEXER_LANE", meaning="live: embeddings-live by Faust; bulk: embeddings-bulk", check=one_of("live", "bulk")
    )
    encoder: str = setting(
        "FRAMEBUS_ENCODER", meaning="the encoder whose space is indexed: pico-1 (a demonstration model), or a model folder"
    )
    kafka: str = setting("FRAMEBUS_KAFKA", default="127.0.0.1:9092", meaning="Kafka bootstrap servers")
    milvus: str = setting(
        "FRAMEBUS_MILVUS", default="http://127.0.0.1:19530", meaning="Milvus: http(s)://host:port or unix:/path"
    )
    auto_register: bool = setting(
        "FRAMEBUS_AUTO_REGISTER", default=False, meaning="1: a sender with an unknown source_id is registered as kind push"
    )
    sigma_seconds: float = setting(
        "FRAMEBUS_INDEXER_SIGMA_SECONDS",
        default=0.5,
        meaning="width of the smoothing window; 0: off. Belongs to a collection: another value needs a rebuild",
        check=between(0, LARGEST_SIGMA_SECONDS),
    )
    cut_memory: int = setting(
        "FRAMEBUS_INDEXER_CUT_MEMORY",
        default=8,
        meaning="earlier samples that a cut is judged by. Belongs to a collection",
        check=between(SHORTEST_CUT_MEMORY, LARGEST_CUT_MEMORY),
    )
    cut_fixed_threshold: float = setting(
        "FRAMEBUS_INDEXER_CUT_FIXED_THRESHOLD",
        default=0.3,
        meaning="cosine distance that is a cut while too few samples are known; 2: no cuts. Belongs to a collection",
        check=between(0, 2),
    )
    cut_deviations: float = setting(
        "FRAMEBUS_INDEXER_CUT_DEVIATIONS",
        default=6.0,
        meaning="median absolute deviations above the median that are a cut. Belongs to a collection",
        check=at_least(0),
    )
    seal_rows: int = setting(
        "FRAMEBUS_INDEXER_SEAL_ROWS",
        default=20_000,
        meaning="rows gathered by this process before they are sealed into an index; until then a search scans them",
        check=at_least(1000),
    )
    camera_days: float = setting(
        "FRAMEBUS_INDEXER_CAMERA_DAYS",
        default=30.0,
        meaning="live lane: days that rows of a camera are kept for, where its source does not say",
        check=between(0.01, LONGEST_KEEP_DAYS),
    )
    session_seconds: float = setting(
        "FRAMEBUS_INDEXER_SESSION_SECONDS",
        default=10.0,
        meaning="live lane: after this silence a dead process's partitions go to another; bulk: the broker's setting counts",
        check=between(1, 300),
    )
    port: int = setting(
        "FRAMEBUS_INDEXER_PORT", default=8084, meaning="port of /healthz, /readyz, /metrics; 0: any free", check=between(0, 65535)
    )
    host: str = setting("FRAMEBUS_INDEXER_HOST", default="127.0.0.1", meaning="address that the port is bound to")
    heartbeat: Path | None = setting(
        "FRAMEBUS_INDEXER_HEARTBEAT", default=None, meaning="file that the loop touches: its age is liveness"
    )

    @property
    def smoothing(self) -> Smoothing:
        """The settings that belong to a collection."""
        return Smoothing(self.sigma_seconds, self.cut_memory, self.cut_fixed_threshold, self.cut_deviations)

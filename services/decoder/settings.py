"""The decoder's settings."""

from dataclasses import dataclass
from pathlib import Path

from schemas.limits import CHUNKS_DEALT_AHEAD, UNREAD_FRAMES_BULK
from schemas.networks import SETTING as NETWORKS
from schemas.networks import expected_networks
from streaming.settings import at_least, between, setting


@dataclass(frozen=True)
class DecoderSettings:
    """Read once, at start-up."""

    kafka: str = setting("FRAMEBUS_KAFKA", default="127.0.0.1:9092", meaning="Kafka bootstrap servers")
    port: int = setting(
        "FRAMEBUS_DECODER_PORT", default=8081, meaning="port of /healthz, /readyz and /metrics; 0 takes a free one",
        check=between(0, 65_535),
    )  # fmt: skip
    host: str = setting("FRAMEBUS_DECODER_HOST", default="127.0.0.1", meaning="address that the health port listens on")
    heartbeat: Path | None = setting("FRAMEBUS_DECODER_HEARTBEAT", default=None, meaning="file touched while the loop turns")
    threads: int = setting("FRAMEBUS_DECODER_THREADS", default=2, meaning="threads that decode one chunk", check=between(1, 64))
    wait_for: tuple[str, ...] = setting(
        "FRAMEBUS_DECODER_WAIT_FOR", default=(),
        meaning="consumer groups of frames-bulk that a new chunk waits for; a chunk is done when all their spaces list it",
    )  # fmt: skip
    unread_frames: int = setting(
        "FRAMEBUS_DECODER_UNREAD_FRAMES", default=UNREAD_FRAMES_BULK,
        meaning="a chunk starts only while fewer records of frames-bulk are unread", check=at_least(1),
    )  # fmt: skip
    chunks_ahead: int = setting(
        "FRAMEBUS_DECODER_CHUNKS_AHEAD", default=CHUNKS_DEALT_AHEAD,
        meaning="chunks dealt and not yet indexed, at most", check=at_least(1),
    )  # fmt: skip
    file_roots: tuple[str, ...] = setting(
        "FRAMEBUS_DECODER_FILE_ROOTS", default=(),
        meaning="folders below which local files are read, beside the media folder; / allows all",
    )  # fmt: skip
    media: Path = setting("FRAMEBUS_MEDIA", default=Path("media"), meaning="folder of the media store: recordings of cameras")
    secrets: Path = setting(
        "FRAMEBUS_SECRETS", default=Path("secrets"), meaning="folder of the passwords of sources, one file of mode 0600 for each"
    )
    networks: tuple[str, ...] = setting(
        NETWORKS, default=(),
        meaning="networks that cameras may lie in, as CIDR; without any there are none, and http(s) may lead anywhere",
        check=expected_networks,
    )  # fmt: skip
    keep_days: float = setting(
        "FRAMEBUS_DECODER_KEEP_DAYS", default=7.0, meaning="days that recordings of a camera are kept which does not say itself",
        check=at_least(0.01),
    )  # fmt: skip
    disk_share: float = setting(
        "FRAMEBUS_DECODER_DISK_SHARE", default=0.8,
        meaning="share of the media's disk that may be in use; beyond it the oldest recordings go", check=between(0.05, 1),
    )  # fmt: skip

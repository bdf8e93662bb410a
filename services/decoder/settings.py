"""The decoder's settings."""

from dataclasses import dataclass
from pathlib import Path

from schemas.limits import CHUNKS_DEALT_AHEAD, UNREAD_FRAMES_BULK
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

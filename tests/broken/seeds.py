"""Real messages of every topic, as our own code and any producer write them: what mutants are made of."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import orjson

from encoders.pictures import encode_jpeg
from schemas import messages
from schemas.headers import (
    EmbeddingHeaders,
    FrameHeaders,
    encode_embedding_headers,
    encode_frame_headers,
    of_embedding,
    schema_header,
)
from schemas.publish import file_name
from schemas.topics import PRIMARY
from schemas.vectors import encode_vector
from streaming.dead_letters import write_letter
from tests.broken.wire import Wire

SPACE: Final = "tiny-0@00000000"
DIMENSION: Final = 32
EXAMPLES: Final = Path(messages.__file__).parent / "examples"
FRAMES: Final = ("frames-live", "frames-bulk")
EMBEDDINGS: Final = ("embeddings-live", "embeddings-bulk")
FIRST_FRAME: Final = 1_000
"""The first frame whose vector is sent."""

HEADERS: Final = (
    FrameHeaders(source_id="push-1", stream="push-1", t_ms=1_700_000_000_123),
    FrameHeaders(source_id="cam-1", stream="cam-1", t_ms=1_700_000_000_000, life=2, run=1_700_000_000_000, seq=0,
                 captured_ms=1_700_000_000_000, width=64, height=36),
    FrameHeaders(source_id="cam-1", stream="cam-1", t_ms=1_700_000_001_000, life=2, run=1_700_000_000_000, seq=1, mark="same"),
    FrameHeaders(source_id="cam-1", stream="cam-1", t_ms=None, life=2, run=1_700_000_000_000, mark="run_end"),
    FrameHeaders(source_id="film-1", stream="film-1/1/c0", t_ms=500, life=1, run=0, seq=0, width=64, height=36, context=True),
    FrameHeaders(source_id="film-1", stream="film-1/1/c0", t_ms=None, life=1, run=0, mark="stream_end"),
    FrameHeaders(source_id="cam-1", stream="cam-1/2/r1700000000000", t_ms=1_700_000_000_500, life=2, run=0, seq=0),
)  # fmt: skip


def jpeg(seed: int = 0, width: int = 64, height: int = 36) -> bytes:
    """Return a small JPEG with a picture of its own."""
    first, last = np.random.default_rng(seed).integers(0, 256, (2, 3))
    return encode_jpeg(np.linspace(first, last, width).astype(np.uint8)[None].repeat(height, axis=0))


def vector(seed: int = 0) -> bytes:
    """Return the value of a unit vector."""
    drawn = np.random.default_rng(seed).normal(size=DIMENSION)
    return encode_vector(drawn / np.linalg.norm(drawn))


def frame(headers: FrameHeaders, seed: int = 0) -> Wire:
    """Return a frame or a mark as it is sent."""
    return Wire(headers.stream.encode(), b"" if headers.mark else jpeg(seed), encode_frame_headers(headers))


def embedding(headers: FrameHeaders, seed: int = 0, space: str = SPACE) -> Wire:
    """Return a vector or a mark as it is sent; `seed` says its frame too."""
    said: EmbeddingHeaders = of_embedding(headers, space, FIRST_FRAME + seed)
    return Wire(headers.stream.encode(), b"" if headers.mark else vector(seed), encode_embedding_headers(said))


def json_message(schema: str) -> Wire:
    """Return the example of a JSON message, with the key that it has."""
    value = (EXAMPLES / f"{file_name(schema)}.json").read_bytes()
    key = orjson.loads(value).get("source_id") or "key"
    return Wire(key.encode(), value, list(schema_header(schema)))


def of_topic(topic: str) -> list[Wire]:
    """Return real messages of a topic that carries work or state."""
    if topic in FRAMES:
        return [frame(headers, seed) for seed, headers in enumerate(HEADERS)]
    if topic in EMBEDDINGS:
        return [embedding(headers, seed) for seed, headers in enumerate(HEADERS)]
    return [json_message(next(one.schema for one in PRIMARY if one.name == topic))]


def letters() -> list[Wire]:
    """Return dead letters of several topics."""
    made = []
    for topic in (*FRAMES, *EMBEDDINGS, "chunks"):
        letter = write_letter(of_topic(topic)[0].record(topic, 7), "it is broken", "embedder", 1_800_000_000_001)
        made.append(Wire(letter.key, letter.value, letter.headers))
    return made


def other_pictures() -> list[bytes]:
    """Return a PNG and two kinds of WebP."""
    pixels = np.linspace((0, 90, 20), (255, 20, 200), 64).astype(np.uint8)[None].repeat(36, axis=0)
    kinds: tuple[tuple[str, list[int]], ...] = (
        (".png", []),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 80]),
        (".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]),
    )
    return [cv2.imencode(suffix, pixels, options)[1].tobytes() for suffix, options in kinds]

"""Messages of a life that is over, as whoever was asleep may still send them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from schemas.headers import FrameHeaders, RawHeaders, encode_embedding_headers, encode_frame_headers, of_embedding
from schemas.identity import chunk_stream
from schemas.topics import LANES

SAMPLES = 2


@dataclass(frozen=True)
class Payload:
    """What late messages carry: a picture, and a vector of a space as it goes into a record."""

    jpeg: bytes
    vector: bytes
    space: str


@dataclass(frozen=True)
class Message:
    """A record to be written. Without `timestamp_ms` Kafka's time is that of the writing."""

    topic: str
    key: str
    value: bytes
    headers: RawHeaders
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class Over:
    """A life that is over. At `in_force_ms` of the wall clock it was in force; it has no sample at `free_ms` or later."""

    source_id: str
    life: int
    in_force_ms: int
    free_ms: int


def late(over: Over, run: int, payload: Payload) -> Iterator[Message]:
    """Give what comes late of a life, on all topics of work: samples of a large run and its end, with the life in their headers;
    and what a simple producer sends, whose life the time of the record alone tells."""
    for lane, (frames, embeddings) in LANES.items():
        stream = over.source_id if lane == "live" else chunk_stream(over.source_id, over.life, 0)
        for headers, timestamp_ms in (*_of_run(over, stream, run), (_alone(over), over.in_force_ms)):
            vector_headers = encode_embedding_headers(of_embedding(headers, payload.space))
            jpeg, vector = (b"", b"") if headers.mark else (payload.jpeg, payload.vector)
            yield Message(frames.name, stream, jpeg, encode_frame_headers(headers), timestamp_ms)
            yield Message(embeddings.name, stream, vector, vector_headers, timestamp_ms)


def _of_run(over: Over, stream: str, run: int) -> Iterator[tuple[FrameHeaders, None]]:
    sample = FrameHeaders(source_id=over.source_id, stream=stream, life=over.life, t_ms=over.free_ms, run=run, seq=0)
    for seq in range(SAMPLES):
        yield msgspec.structs.replace(sample, seq=seq, t_ms=over.free_ms + seq), None
    yield msgspec.structs.replace(sample, seq=None, t_ms=None, mark="run_end" if stream == over.source_id else "stream_end"), None


def _alone(over: Over) -> FrameHeaders:
    return FrameHeaders(source_id=over.source_id, stream=over.source_id, t_ms=over.free_ms + SAMPLES)

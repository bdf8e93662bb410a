"""What Kafka holds of cameras, and the rows that an uninterrupted run makes of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import numpy as np
from confluent_kafka import Message

from encoders.encoder import Encoder
from schemas.headers import EmbeddingHeaders, FrameHeaders, decode_embedding_headers, decode_frame_headers, of_embedding
from schemas.identity import WHOLE_FRAME, row_key
from schemas.topics import FRAMES_LIVE
from schemas.vectors import decode_vector, encode_vector
from services.indexer.core.entry import Entry
from services.indexer.core.settings import Smoothing
from tests.chaos.records import records_of
from tests.comparison import Expected, Vector
from tests.indexer.offline import offline

SPACE: Final = "offline@00000000"
MOST_AHEAD_MS: Final = 3000
"""A camera is believed while its clock is less than two seconds off; one second is for what is computed from its reports."""

Log = dict[tuple[str, int], list[Entry]]
"""Records of some sources by topic and partition, in their order."""


def frames_of(bootstrap: str, topics: Sequence[str], source_ids: Collection[str], encoder: Encoder) -> Log:
    """Return every frame and mark of cameras that Kafka has in these topics, with the vector that the encoder gives it."""
    return log_of((message for topic in topics for message in records_of(bootstrap, topic)), source_ids, encoder)


def log_of(messages: Iterable[Message], source_ids: Collection[str], encoder: Encoder) -> Log:
    """Return the frames and marks of some sources among messages, with their vectors."""
    log: Log = defaultdict(list)
    for message in messages:
        headers = decode_frame_headers(message.headers())  # type: ignore[arg-type]
        if headers.source_id in source_ids:
            log[message.topic() or "", message.partition() or 0].append(_entry(message, headers, encoder))
    return log


def vectors_of(bootstrap: str, topics: Sequence[str], source_ids: Collection[str], encoder: Encoder) -> Log:
    """Return the vectors and marks of cameras that Kafka has: what the indexer has read, and no more."""
    log: Log = defaultdict(list)
    for message in (message for topic in topics for message in records_of(bootstrap, topic)):
        headers = decode_embedding_headers(message.headers())  # type: ignore[arg-type]
        if headers.source_id in source_ids:
            vector = None if headers.mark else decode_vector(message.value(), encoder.dimension)
            log[message.topic() or "", message.partition() or 0].append(_made(message, headers, vector))
    return log


def rows(log: Log) -> dict[str, Expected]:
    """Return the rows of a log. A moment that was sent live and caught up too may be the one or the other."""
    found: dict[str, Expected] = {}
    captured = _captured(log)
    for entries in log.values():
        made, _ = offline(entries, Smoothing())
        for (source_id, life, t_ms), vector in made.items():
            key = row_key(source_id, life, WHOLE_FRAME, t_ms)
            others = found[key].vectors if key in found else ()
            found[key] = Expected(t_ms, (*others, np.asarray(vector, np.float32)), captured[key])
    return found


def ahead(log: Log) -> list[str]:
    """Return a line for every live frame that says to be taken later than it was sent, by more than a clock may be off."""
    return [
        f"{_key_of(entry)} was sent {entry.headers.t_ms - entry.timestamp_ms} ms before it says that it was taken"
        for (topic, _), entries in log.items()
        for entry in entries
        if topic == FRAMES_LIVE.name and entry.headers.mark is None and entry.headers.t_ms is not None
        if entry.headers.t_ms - entry.timestamp_ms > MOST_AHEAD_MS
    ]


def open_runs(log: Log) -> list[str]:
    """Return a line for every camera whose newest live run was not ended: its last rows are not final."""
    newest: dict[str, int] = {}
    ended: dict[str, int] = {}
    for (topic, _), entries in log.items():
        for headers in (entry.headers for entry in entries if topic == FRAMES_LIVE.name):
            runs = ended if headers.mark == "run_end" else newest
            runs[headers.source_id] = max(runs.get(headers.source_id, 0), headers.run or 0)
    return [f"run {run} of {name} was not ended" for name, run in newest.items() if ended.get(name, -1) < run]


def _captured(log: Log) -> dict[str, frozenset[int]]:
    """Return by key what the records of a moment say of when it was captured."""
    said: defaultdict[str, set[int]] = defaultdict(set)
    for entry in (entry for entries in log.values() for entry in entries if entry.headers.t_ms is not None):
        said[_key_of(entry)].add(entry.headers.captured_ms)
    return {key: frozenset(times) for key, times in said.items()}


def _key_of(entry: Entry) -> str:
    return row_key(entry.headers.source_id, entry.life, WHOLE_FRAME, entry.headers.t_ms or 0)


def _entry(message: Message, headers: FrameHeaders, encoder: Encoder) -> Entry:
    vector = None if headers.mark else _vector(message.value(), encoder)
    return _made(message, of_embedding(headers, SPACE), vector)


def _made(message: Message, headers: EmbeddingHeaders, vector: Vector | None) -> Entry:
    return Entry(
        offset=message.offset() or 0,
        timestamp_ms=message.timestamp()[1],
        headers=headers,
        life=headers.life or 1,
        closes_when_quiet=False,
        done=False,
        vector=vector,
    )


def _vector(jpeg: Any, encoder: Encoder) -> Vector:
    """Return a frame's vector as the log rounds it."""
    vector = encoder.embed_images(encoder.prepare(bytes(jpeg))[np.newaxis])[0]
    return decode_vector(encode_vector(vector), encoder.dimension)

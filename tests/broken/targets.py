"""Every decoder of bytes that a service reads from Kafka, from a sender or from a disk, each with what it may answer.

A judge returns quietly where its bytes gave a sound value, or were refused by `InvalidMessage` with a sentence. Anything else
passes through, and is a fault of the product.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np

from encoders.picture_size import Format
from encoders.pictures import FRAME_FORMATS, QUERY_FORMATS, decode, fit, thumbnail
from schemas.errors import InvalidMessage
from schemas.headers import decode_embedding_headers, decode_frame_headers, encode_embedding_headers, encode_frame_headers
from schemas.identity import check_source_id, check_stream
from schemas.limits import LARGEST_T_MS
from schemas.lives import stated_life
from schemas.messages import MESSAGES, IndexEvent, Message, encode
from schemas.messages import decode as decode_message
from schemas.recordings import JournalLine, parse_journal, parse_segment
from schemas.space import check_space
from schemas.vectors import decode_vector
from streaming.dead_letters import RECORD_LIMIT_BYTES, read_letter, size_bytes, write_letter
from tests.broken import seeds
from tests.broken.memory import peak_kib
from tests.broken.wire import Wire, pack, unpack

LONGEST_REASON: Final = 2_000
MOST_GROWN_MIB: Final = 300
"""A picture of 40 million pixels, the largest that is decoded, has 120 MiB."""
SIDE_PX: Final = 32
RECORDS: Final = frozenset(("frame/1", "embedding/1", "dead-letter"))
"""Targets whose inputs are records with key and headers."""


@dataclass(frozen=True)
class Target:
    """One decoder: real inputs, and the judge of any others."""

    name: str
    wholes: Sequence[bytes]
    judge: Callable[[bytes], None]

    def check(self, given: bytes) -> None:
        """Judge an input, and how much memory it took: it tells a new peak of the process from the last."""
        before_kib = peak_kib()
        self.judge(given)
        grown_mib = (peak_kib() - before_kib) >> 10
        assert grown_mib <= MOST_GROWN_MIB, f"it took {grown_mib} MiB"


def judge_frame(packed: bytes) -> None:
    """A frame's headers, and that they come out of what they are written as."""
    wire = unpack(packed)
    try:
        headers = decode_frame_headers(wire.headers)
    except InvalidMessage as invalid:
        return _check_reason(invalid)
    assert decode_frame_headers(encode_frame_headers(headers)) == headers
    assert headers.t_ms is None or abs(headers.t_ms) <= LARGEST_T_MS
    return None


def judge_embedding(packed: bytes) -> None:
    """An embedding's headers, life and vector."""
    wire = unpack(packed)
    try:
        headers = decode_embedding_headers(wire.headers)
        check_space(headers.space)
        stated_life(headers)
        vector = None if headers.mark else decode_vector(wire.value, seeds.DIMENSION)
    except InvalidMessage as invalid:
        return _check_reason(invalid)
    assert decode_embedding_headers(encode_embedding_headers(headers)) == headers
    if vector is not None:
        assert vector.dtype == np.float32
        assert abs(float(np.linalg.norm(vector)) - 1) < 1e-3
    return None


def judge_message(schema: str, value: bytes) -> None:
    """A JSON message, and that it can be written and read again."""
    struct: type[Message] = MESSAGES[schema]
    try:
        message = decode_message(value, struct)
    except InvalidMessage as invalid:
        return _check_reason(invalid)
    assert decode_message(encode(message), struct) == message
    _check_names(message)
    return None


def judge_picture(accept: Sequence[Format], picture: bytes) -> None:
    """A picture as an encoder takes it; of a JPEG a thumbnail too."""
    try:
        pixels = decode(picture, SIDE_PX, SIDE_PX, accept=accept)
        small = thumbnail(picture, SIDE_PX) if accept == FRAME_FORMATS else b""
    except InvalidMessage as invalid:
        return _check_reason(invalid)
    assert fit(pixels, SIDE_PX, SIDE_PX, "squash").shape == (SIDE_PX, SIDE_PX, 3)
    assert fit(pixels, SIDE_PX, SIDE_PX, "pad").shape == (SIDE_PX, SIDE_PX, 3)
    assert not small or decode(small, SIDE_PX, SIDE_PX).shape[2] == 3
    return None


def judge_letter(packed: bytes) -> None:
    """A dead letter: any record is one, and its own letter fits into Kafka."""
    letter = read_letter(unpack(packed).record("frames-live.dlq", 3))
    assert letter.id == "frames-live/3"
    again = write_letter(letter.record, "broken again", "query", 1)
    assert size_bytes(again) < RECORD_LIMIT_BYTES
    assert read_letter(again).reason == "broken again"


def judge_journal(content: bytes) -> None:
    """A journal's samples, in the order of their times."""
    lines = parse_journal(content.decode(errors="replace"))
    assert [line.t_ms for line in lines] == sorted({line.t_ms for line in lines})
    for line in lines:
        assert JournalLine(*map(int, line.text().split())) == line


def judge_segment(name: bytes) -> None:
    """The name of a recorded file."""
    segment = parse_segment(name.decode(errors="replace"))
    assert segment is None or (parse_segment(segment.name) == segment and len(segment.day) == len("2026-11-20"))


@cache
def targets() -> tuple[Target, ...]:
    """Return all targets, their inputs made once."""
    jpegs = [seeds.jpeg(1), seeds.jpeg(2, 256, 144), (seeds.EXAMPLES / "frame-1.jpg").read_bytes()]
    journal = "".join(JournalLine(1_700_000_000_000 + 500 * n, 1, n, 500 * n, n % 2 - 1, n).text() for n in range(12))
    json = [Target(schema, [seeds.json_message(schema).value or b""], partial(judge_message, schema)) for schema in MESSAGES]
    return (
        Target("frame/1", _packed(seeds.of_topic("frames-live")), judge_frame),
        Target("embedding/1", _packed(seeds.of_topic("embeddings-live")), judge_embedding),
        *json,
        Target("jpeg", jpegs, partial(judge_picture, FRAME_FORMATS)),
        Target("query-picture", [*jpegs, *seeds.other_pictures()], partial(judge_picture, QUERY_FORMATS)),
        Target("dead-letter", _packed(seeds.letters()), judge_letter),
        Target("journal", [journal.encode()], judge_journal),
        Target("segment", [b"1700000000000-1700000000000.mp4", b"0-0.mp4"], judge_segment),
    )


def _packed(wires: Sequence[Wire]) -> list[bytes]:
    return [pack(wire) for wire in wires]


def _check_names(message: Message) -> None:
    """Ids and streams are what every reader takes for granted: parts of paths, keys and filters."""
    if (source_id := getattr(message, "source_id", None)) is not None:
        check_source_id(source_id)
    if (stream := getattr(message, "stream", None)) is not None:
        check_stream(stream)
    for row in getattr(message, "rows", ()) if isinstance(message, IndexEvent) else ():
        check_source_id(row.source_id)


def _check_reason(invalid: InvalidMessage) -> None:
    reason = str(invalid)
    assert reason.strip(), "refused without a reason"
    assert len(reason) <= LONGEST_REASON, f"a reason of {len(reason)} characters"
    reason.encode()

"""Record headers: the metadata of frames and embeddings, whose values are the payload itself.

Header values are UTF-8 text and integers are decimal text, so that `kcat` can write them.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast, get_args

import msgspec

from schemas.errors import InvalidMessage
from schemas.identity import check_source_id, check_stream
from schemas.limits import LARGEST_CAPTURED_MS, LARGEST_T_MS, LONGEST_LACKS, UNKNOWN_MS

RawHeaders: TypeAlias = Sequence[tuple[str, bytes | None]]
Mark = Literal["same", "run_end", "stream_end"]

FRAME: Final = "frame/1"
EMBEDDING: Final = "embedding/1"


class FrameHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of `frames-*` says of its JPEG; of a mark when `mark` is set and the value is empty.

    `t_ms` is the time on the source's timeline, None for a mark that ends something. `run` and `seq` are both set or both None:
    without them a record is its own run. `life` None is the life in force at the record's Kafka timestamp.
    `context` marks a sample of a chunk's margin, which feeds windows and never becomes a row. `samples` says with the mark
    `stream_end` how many there were, so that a reader knows whether it has read all of them.

    `rebuild` marks what was decoded again for a rebuild: indexers leave it alone. `lacks` says with a mark of such a stream, for
    people, what of it could not be decoded: with `run_end` that this try was given up, and nothing of the run is final.

    `replayed` marks what was a dead letter: it is given a row where its moment has none, and writes over no other.
    """

    source_id: str
    t_ms: int | None
    stream: str
    life: int | None = None
    run: int | None = None
    seq: int | None = None
    captured_ms: int = UNKNOWN_MS
    width: int | None = None
    height: int | None = None
    context: bool = False
    mark: Mark | None = None
    samples: int | None = None
    rebuild: bool = False
    lacks: str | None = None
    replayed: bool = False


class EmbeddingHeaders(FrameHeaders, frozen=True, kw_only=True):
    """As `FrameHeaders`, plus the embedding space of the vector.

    `frame_offset` is where its frame is, in the partition of `frames-*` that has the number of this one. Vectors come in the
    order of their partition's frames, so one whose frame was passed is sent once more. None where the sender does not say it.
    """

    space: str
    frame_offset: int | None = None


SAID: Final[Mapping[str, str]] = {
    "schema": "`frame/1` or `embedding/1`; required",
    "source_id": "whose it is; required",
    "t_ms": "its time on the source's timeline, in ms; required but with the marks `run_end` and `stream_end`",
    "stream": "whose order it belongs to, and the key; a part of a file has one of its own. `source_id` where it is absent",
    "life": "the life of the source, from 1; where it is absent the one in force at Kafka's timestamp",
    "run": "an unbroken piece of the stream, a larger one wins; with `seq`. Without both a record is smoothed with no other",
    "seq": "counts the samples of the run from 0: a jump is a hole",
    "captured_ms": "when it was taken, in ms since 1970 (UTC); -1: not known",
    "width": "of the original picture, in pixels",
    "height": "of the original picture, in pixels",
    "context": "1: it feeds the windows of others and gets no row",
    "mark": "the value is empty: `same` repeats the sample before it, `run_end` and `stream_end` end something",
    "samples": "with `stream_end`: how many there were",
    "rebuild": "1: decoded again for a rebuild, left alone by indexers",
    "lacks": "with a mark of such a stream: what could not be decoded",
    "replayed": "1: it was a dead letter, and gets a row only where its moment has none",
    "space": "of an embedding, required: the space of its vector, `name@hash` as `spaces` has it",
    "frame_offset": "of an embedding: where its frame is in the partition of `frames-*` with the same number",
}
"""What each header says, for whoever writes their own producer."""


def encode_frame_headers(headers: FrameHeaders) -> list[tuple[str, bytes]]:
    """Return the record headers of a frame or mark."""
    return [("schema", FRAME.encode()), *_fields(headers)]


def encode_embedding_headers(headers: EmbeddingHeaders) -> list[tuple[str, bytes]]:
    """Return the record headers of an embedding or mark."""
    return [("schema", EMBEDDING.encode()), *_fields(headers)]


def decode_frame_headers(raw: RawHeaders | None) -> FrameHeaders:
    """Return the headers of a frame record, or raise `InvalidMessage` that names the header at fault."""
    return _checked(_texts(raw, FRAME))


def decode_embedding_headers(raw: RawHeaders | None) -> EmbeddingHeaders:
    """Return the headers of an embedding record, or raise `InvalidMessage` that names the header at fault."""
    texts = _texts(raw, EMBEDDING)
    if not texts.get("space"):
        raise InvalidMessage("header space is missing: name the embedding space, for example pico-1@3fa9c1d2")
    return of_embedding(_checked(texts), texts["space"], _integer(texts, "frame_offset", 0))


def of_embedding(headers: FrameHeaders, space: str, frame_offset: int | None = None) -> EmbeddingHeaders:
    """Return a frame's headers as those of its embedding."""
    return EmbeddingHeaders(space=space, frame_offset=frame_offset, **msgspec.structs.asdict(headers))


def schema_header(schema: str) -> list[tuple[str, bytes]]:
    """Return the record headers of a JSON message."""
    return [("schema", schema.encode())]


def _fields(headers: FrameHeaders) -> list[tuple[str, bytes]]:
    out = []
    for name, value in msgspec.structs.asdict(headers).items():
        if value is None or value is False or (name == "captured_ms" and value == UNKNOWN_MS):
            continue
        if name == "stream" and value == headers.source_id:
            continue
        out.append((name, ("1" if value is True else str(value)).encode()))
    return out


def _texts(raw: RawHeaders | None, schema: str) -> dict[str, str]:
    try:
        texts = {name: (value or b"").decode() for name, value in raw or ()}
    except UnicodeDecodeError:
        raise InvalidMessage("a header is not UTF-8 text") from None
    if "schema" not in texts:
        raise InvalidMessage(f"header schema is missing: expected {schema!r}")
    if texts["schema"] != schema:
        raise InvalidMessage(f"header schema is {texts['schema'][:40]!r}: expected {schema!r}")
    if "source_id" not in texts:
        raise InvalidMessage("header source_id is missing")
    return texts


def _integer(texts: dict[str, str], name: str, smallest: int, largest: int = LARGEST_T_MS) -> int | None:
    text = texts.get(name)
    if text is None:
        return None
    if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 17:
        raise InvalidMessage(f"header {name} is {text[:40]!r}: expected a decimal integer")
    value = int(text)
    if not smallest <= value <= largest:
        raise InvalidMessage(f"header {name} is {value}: expected {smallest} to {largest}")
    return value


def _mark(texts: dict[str, str]) -> Mark | None:
    mark = texts.get("mark")
    if mark is None or mark in get_args(Mark):
        return cast("Mark | None", mark)
    raise InvalidMessage(f"header mark is {mark[:40]!r}: expected one of {', '.join(get_args(Mark))}")


def _flag(texts: dict[str, str], name: str) -> bool:
    text = texts.get(name, "0")
    if text not in ("0", "1"):
        raise InvalidMessage(f"header {name} is {text[:40]!r}: expected 0 or 1")
    return text == "1"


def _lacks(texts: dict[str, str]) -> str | None:
    lacks = texts.get("lacks")
    if lacks is not None and len(lacks) > LONGEST_LACKS:
        raise InvalidMessage(f"header lacks has {len(lacks):,} characters: say in at most {LONGEST_LACKS} what is lacking")
    return lacks


def _checked(texts: dict[str, str]) -> FrameHeaders:
    source_id = check_source_id(texts["source_id"])
    captured_ms = _integer(texts, "captured_ms", UNKNOWN_MS, LARGEST_CAPTURED_MS)
    headers = FrameHeaders(
        source_id=source_id,
        t_ms=_integer(texts, "t_ms", -LARGEST_T_MS),
        stream=check_stream(texts.get("stream", source_id)),
        life=_integer(texts, "life", 1),
        run=_integer(texts, "run", 0),
        seq=_integer(texts, "seq", 0),
        captured_ms=UNKNOWN_MS if captured_ms is None else captured_ms,
        width=_integer(texts, "width", 1),
        height=_integer(texts, "height", 1),
        context=_flag(texts, "context"),
        mark=_mark(texts),
        samples=_integer(texts, "samples", 0),
        rebuild=_flag(texts, "rebuild"),
        lacks=_lacks(texts),
        replayed=_flag(texts, "replayed"),
    )
    _check_together(headers)
    return headers


def _check_together(headers: FrameHeaders) -> None:
    if headers.stream.partition("/")[0] != headers.source_id:
        raise InvalidMessage(f"header stream {headers.stream!r} does not begin with source_id {headers.source_id!r}")
    if headers.mark in ("run_end", "stream_end"):
        if headers.t_ms is not None or headers.seq is not None:
            raise InvalidMessage(f"mark {headers.mark} carries neither t_ms nor seq")
        return
    if headers.t_ms is None:
        raise InvalidMessage("header t_ms is missing: milliseconds on the source's timeline")
    if (headers.run is None) != (headers.seq is None):
        raise InvalidMessage("headers run and seq come together: set both, or neither for a record that is its own run")
    if headers.mark == "same" and headers.seq is None:
        raise InvalidMessage("mark same carries run, seq and t_ms")

"""What people are shown of a dead letter: never a password, and never more than a screen or two. Pure."""

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from encoders.picture_size import read_size
from schemas.errors import InvalidMessage
from schemas.headers import EMBEDDING, FRAME
from schemas.topics import TOPICS
from services.query.replays import is_payload, said_by
from streaming.dead_letters import DeadLetter
from streaming.secrets import redact, shown

SHOWN_CHARACTERS: Final = 2_000
TEXT_CHARACTERS: Final = 20_000
SHOWN_HEADERS: Final = 100
SHOWN_BYTES: Final = 32
STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Seen:
    """A dead letter in a list. `source_id` is None where the record does not say whose it is."""

    topic: str
    number: int
    at_ms: int
    source_id: str | None
    service: str
    reason: str
    partition: int
    offset: int
    written_ms: int
    value_bytes: int
    replay_of: str | None
    replays: int

    def document(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "id": f"{self.topic}/{self.number}",
            "topic": self.topic,
            "at_ms": self.at_ms,
            "source_id": None if self.source_id is None else _cut(self.source_id, SHOWN_CHARACTERS),
            "service": _cut(self.service, SHOWN_CHARACTERS),
            "reason": _cut(self.reason, SHOWN_CHARACTERS),
            "partition": _known(self.partition),
            "offset": _known(self.offset),
            "written_ms": _known(self.written_ms),
            "value_bytes": self.value_bytes,
            "replay_of": None if self.replay_of is None else _cut(self.replay_of, SHOWN_CHARACTERS),
            "replays": self.replays,
        }


def see(letter: DeadLetter) -> Seen:
    """Return what a list shows of a letter."""
    original = letter.record
    return Seen(
        letter.topic,
        letter.number,
        letter.at_ms,
        source_of(letter),
        letter.service,
        letter.reason,
        original.partition.number,
        original.offset,
        original.timestamp_ms,
        len(original.value or b""),
        letter.replay_of,
        letter.replays,
    )


def source_of(letter: DeadLetter) -> str | None:
    """Return the source that a record names, in its header or in its JSON."""
    if is_payload(letter.topic):
        return said_by(letter.record).get("source_id")
    try:
        message = orjson.loads(letter.record.value or b"")
    except orjson.JSONDecodeError:
        return None
    named = message.get("source_id") if isinstance(message, dict) else None
    return named if isinstance(named, str) else None


def whole(letter: DeadLetter) -> dict[str, Any]:
    """Return all that is shown of one letter."""
    key = letter.record.key
    return see(letter).document() | {
        "key": None if key is None else _text(key),
        "headers": [{"name": _cut(name, SHOWN_CHARACTERS), "value": _text(value)} for name, value in _headers(letter)],
        "headers_left_out": max(0, len(letter.record.headers) - SHOWN_HEADERS),
        "value": _value(letter),
        "left_out": letter.left_out,
    }


def _headers(letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    return list(letter.record.headers)[:SHOWN_HEADERS]


def _value(letter: DeadLetter) -> dict[str, Any]:
    value = letter.record.value or b""
    schema = TOPICS[letter.topic].schema
    if not value:
        return {"kind": "empty"}
    if schema == EMBEDDING:
        return {"kind": "vector", "numbers": len(value) // 2} if len(value) % 2 == 0 else _bytes(value)
    return _picture(value) if schema == FRAME else _json(value)


def _picture(value: bytes) -> dict[str, Any]:
    try:
        size = read_size(value)
    except InvalidMessage:
        return _bytes(value)
    return {"kind": "picture", "format": size.format, "width": size.width, "height": size.height}


def _json(value: bytes) -> dict[str, Any]:
    """Return JSON laid out; every string in it by itself goes without a password, however it was escaped."""
    try:
        text = orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # no JSON, or nested deeper than anyone reads
        return {"kind": "text", "text": _cut(value.decode(errors="backslashreplace"), TEXT_CHARACTERS)}
    clean = STRING.sub(lambda found: f'"{_without_password(found[0][1:-1])}"', text)
    return {"kind": "json", "text": _shortened(clean, TEXT_CHARACTERS)}


def _bytes(value: bytes) -> dict[str, Any]:
    return {"kind": "bytes", "begins": value[:SHOWN_BYTES].hex(" ")}


def _text(value: bytes | None) -> str | None:
    return None if value is None else _cut(value.decode(errors="backslashreplace"), SHOWN_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    """Return a text as it is shown: without passwords, and not longer than is read."""
    return _shortened(_without_password(text), characters)


def _shortened(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]} … ({len(text):,} characters)"


def _without_password(text: str) -> str:
    clean = redact(text)
    return shown(clean) if "://" in clean else clean


def _known(number: int) -> int | None:
    return None if number < 0 else number

"""What a dead letter is: a record that could not be processed, as it was, with the reason in headers of its own. Pure."""

from dataclasses import dataclass
from typing import Final

from schemas.headers import RawHeaders
from schemas.topics import dead_letter_topic
from streaming.records import Partition, Record

PREFIX: Final = "dlq_"
REPLAY_OF: Final = "dlq_replay_of"
REPLAYS: Final = "dlq_replays"
REASON_LIMIT: Final = 500

RECORD_LIMIT_BYTES: Final = 990_000
"""Kafka's clients refuse a record of 1,000,000 bytes by default, keys, headers and framing counted."""
LETTER_LIMIT_BYTES: Final = RECORD_LIMIT_BYTES - 8_000
"""So that the reason has room, and later the headers of a replay."""
HEADER_BYTES: Final = 24
"""What a header costs beside its text."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it was read. `record` is the original one: where it was, and its key, value and headers.

    Partition, offset and timestamp of the original are −1 where the letter does not say. `left_out` says what was too large to be
    kept. `replay_of` is the id of the first letter of a record that was replayed `replays` times, and failed again.
    """

    topic: str
    number: int
    at_ms: int
    reason: str
    service: str
    record: Record
    left_out: str | None = None
    replay_of: str | None = None
    replays: int = 0

    @property
    def id(self) -> str:
        """The topic that the record was in, and the letter's own offset: a dead-letter topic has one partition."""
        return f"{self.topic}/{self.number}"


def write_letter(record: Record, reason: str, service: str, now_ms: int) -> Record:
    """Return the letter of a record that can never be processed, of a size that Kafka takes whatever the record is."""
    added = {
        "dlq_reason": reason[:REASON_LIMIT],
        "dlq_service": service,
        "dlq_topic": record.partition.topic,
        "dlq_partition": str(record.partition.number),
        "dlq_offset": str(record.offset),
        "dlq_written_at": str(record.timestamp_ms),
        "dlq_at": str(now_ms),
    }
    key, value, headers, left_out = _what_fits(record)
    if left_out is not None:
        added["dlq_left_out"] = left_out
    why = [(name, text.encode(errors="replace")) for name, text in added.items()]
    place = Partition(dead_letter_topic(record.partition.topic), 0)
    return Record(place, -1, key, value, [*headers, *why], now_ms)


def read_letter(record: Record) -> DeadLetter:
    """Return what a record of a dead-letter topic says. Whoever wrote it: what it does not say is empty, or −1."""
    topic = record.partition.topic.removesuffix(dead_letter_topic(""))
    said = {name: (value or b"").decode(errors="replace") for name, value in record.headers if name.startswith(PREFIX)}
    original = Record(
        Partition(topic, _number(said, "dlq_partition")),
        _number(said, "dlq_offset"),
        record.key,
        record.value,
        [(name, value) for name, value in record.headers if not name.startswith(PREFIX)],
        _number(said, "dlq_written_at"),
    )
    return DeadLetter(
        topic,
        record.offset,
        record.timestamp_ms,
        said.get("dlq_reason", ""),
        said.get("dlq_service", ""),
        original,
        said.get("dlq_left_out"),
        said.get(REPLAY_OF),
        max(0, _number(said, REPLAYS)),
    )


def replay_headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Return the headers by which a replayed record says what it is; should it fail again, its new letter has them too."""
    return [(REPLAY_OF, (letter.replay_of or letter.id).encode()), (REPLAYS, str(letter.replays + 1).encode())]


def is_replayed(record: Record) -> bool:
    """Return whether a record was a dead letter before."""
    return record.header(REPLAY_OF) is not None


def size_bytes(record: Record) -> int:
    """Return how large a record is on its way to Kafka, rounded up."""
    headers = sum(len(name.encode()) + len(value or b"") + HEADER_BYTES for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def _what_fits(record: Record) -> tuple[bytes | None, bytes | None, RawHeaders, str | None]:
    """Return key, value and headers of a record, less what is too large for a letter, and what that was."""
    if size_bytes(record) <= LETTER_LIMIT_BYTES:
        return record.key, record.value, record.headers, None
    said = f"the value of {len(record.value or b''):,} bytes"
    bare = Record(record.partition, record.offset, record.key, None, record.headers, record.timestamp_ms)
    if size_bytes(bare) <= LETTER_LIMIT_BYTES:
        return record.key, None, record.headers, said
    return None, None, (), f"{said}, the key and {len(record.headers):,} headers"


def _number(said: dict[str, str], name: str) -> int:
    text = said.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else -1

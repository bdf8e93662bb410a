"""A record of the log, free of any Kafka library."""

from dataclasses import dataclass
from operator import methodcaller
from typing import Any, Final

from schemas.headers import RawHeaders

_HEADERS: Final = methodcaller("headers")
UNREADABLE: Final[RawHeaders] = (("headers", b"left out: the name of one is not UTF-8 text"),)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read. `timestamp_ms` is Kafka's own, the time of the write: event time is in the headers."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders
    timestamp_ms: int

    def header(self, name: str) -> str | None:
        """Return a header's text, with what is not UTF-8 replaced; None where it is absent."""
        for key, value in self.headers:
            if key == name:
                return (value or b"").decode(errors="replace")
        return None


def record_of(message: Any) -> Record:
    """Return a message of the Kafka client as a record."""
    _, timestamp_ms = message.timestamp()
    partition = Partition(message.topic(), message.partition())
    return Record(partition, message.offset(), message.key(), message.value(), _headers(message), timestamp_ms)


def readable(headers: RawHeaders) -> RawHeaders:
    """Return headers whose names may hold lone surrogates for bytes that are no text; then why there are none."""
    try:
        "".join(name for name, _ in headers).encode()
    except UnicodeEncodeError:
        return UNREADABLE
    return headers


def _headers(message: Any) -> RawHeaders:
    """Return a message's headers, or why there are none: Kafka takes names of any bytes, and its client fails at them.

    It returns a value and leaves an exception behind. Where Python has called it often it no longer looks for one there, and
    whatever is called next fails; a call out of C always looks.
    """
    try:
        return _HEADERS(message) or ()
    except (SystemError, UnicodeDecodeError):
        return UNREADABLE

"""Which dead letters can be sent again, and as what. Pure.

A frame or an embedding goes without `run` and `seq`: its run has gone on, so it becomes a row of its own, unsmoothed, where its
moment has none. (What was refused before a crash, or before a fuse blew, is read again, and may have its row.) It belongs to the
life in force when it was first written, never to a later one; `life` says so where only the Kafka timestamp did.
"""

from collections.abc import Mapping
from typing import Final

from schemas.headers import EMBEDDING, FRAME
from schemas.lives import life_at
from schemas.messages import Source
from schemas.topics import TOPICS
from streaming.dead_letters import RECORD_LIMIT_BYTES, DeadLetter, replay_headers, size_bytes
from streaming.records import Partition, Record

PAYLOADS: Final = frozenset((FRAME, EMBEDDING))
LEFT_BEHIND: Final = frozenset(("run", "seq", "replayed"))
REPLAYED: Final = ("replayed", b"1")
LIFE_DIGITS: Final = 16


class NotReplayed(ValueError):  # noqa: N818  what it is
    """A letter that cannot be sent again; the text says why."""


def is_payload(topic: str) -> bool:
    """Return whether the values of a topic are payloads with their metadata in headers, and no JSON."""
    return TOPICS[topic].schema in PAYLOADS


def to_replay(letter: DeadLetter, source: Source | None) -> Record:
    """Return the record that replaying a letter sends, or raise `NotReplayed`. `source` is the one it names, None if unknown."""
    original = letter.record
    if letter.left_out is not None:
        raise NotReplayed(f"{letter.left_out} was too large to be kept")
    headers = list(original.headers)
    if is_payload(letter.topic):
        headers = _alone(letter, source)
    place = _place(letter.topic, original.partition.number)
    record = Record(place, -1, original.key, original.value, [*headers, *replay_headers(letter)], -1)
    if size_bytes(record) > RECORD_LIMIT_BYTES:
        raise NotReplayed(f"{size_bytes(record):,} bytes are more than Kafka takes")
    return record


def _place(topic: str, partition: int) -> Partition:
    if not 0 <= partition < TOPICS[topic].partitions:
        raise NotReplayed(f"it does not say which partition of {topic} it comes from")
    return Partition(topic, partition)


def _alone(letter: DeadLetter, source: Source | None) -> list[tuple[str, bytes | None]]:
    said = said_by(letter.record)
    if mark := said.get("mark"):
        raise NotReplayed(f"a mark ({mark[:40]}) speaks of a run that has gone on without it")
    if said.get("context") == "1":
        raise NotReplayed("it is of a chunk's margin, which never becomes a row")
    headers = [*((name, value) for name, value in letter.record.headers if name not in LEFT_BEHIND), REPLAYED]
    if source is None:
        return headers
    stated = _stated_life(said)
    life = life_at(source, _written_ms(letter)) if stated is None else stated
    if life < source.life or (life == source.life and source.wanted == "removed"):
        raise NotReplayed(f"life {life} of source {source.source_id!r} is over")
    return headers if stated is not None else [*headers, ("life", str(life).encode())]


def said_by(record: Record) -> dict[str, str]:
    """Return the headers of a record as whoever processes it reads them: of several of one name the last."""
    return {name: (value or b"").decode(errors="replace") for name, value in record.headers}


def _stated_life(said: Mapping[str, str]) -> int | None:
    """Return the life that a record names, in its header or in its stream."""
    _, _, of_stream = said.get("stream", "").partition("/")
    text = said.get("life") or of_stream.partition("/")[0]
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LIFE_DIGITS else None


def _written_ms(letter: DeadLetter) -> int:
    """Return when the record was first written: by then it had not been refused yet, should the letter not say."""
    written_ms = letter.record.timestamp_ms
    return letter.at_ms if written_ms < 0 else written_ms

"""Pages of dead letters: newest first over all topics, filtered, for a key's sight; and one letter by its id."""

import heapq
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

from schemas.topics import PRIMARY
from services.query.access import Grant
from services.query.letter_view import Seen, see, source_of
from services.query.problems import invalid
from services.query.strict import Strict
from streaming.dead_letter_log import DeadLetterLog
from streaming.dead_letters import DeadLetter

DEAD: Final = tuple(topic.name for topic in PRIMARY if topic.dead_letters)
LOOKED_AT: Final = 5_000
LOOK_SECONDS: Final = 8.0
"""A page looks at so many letters, or for so long; its cursor goes on from there."""


class LettersAddress(Strict):
    """Which letters are listed; what is left out admits all. `reason` is a part of it, in any case of its letters."""

    topic: str | None = None
    service: str | None = None
    reason: str | None = None
    source: str | None = None
    since: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=400)] = None

    def admits(self, seen: Seen) -> bool:
        """Return whether a letter is one of those asked for."""
        return (
            self.service in (None, seen.service)
            and self.source in (None, seen.source_id)
            and (self.reason or "").casefold() in seen.reason.casefold()
            and seen.at_ms >= self.since_ms
        )

    @property
    def since_ms(self) -> int:
        """The moment from which letters are listed, in UTC."""
        return 0 if self.since is None else max(0, round(self.since.timestamp() * 1000))


def page(kafka: DeadLetterLog, address: LettersAddress, grant: Grant) -> tuple[list[Seen], str | None]:
    """Return the next letters that are asked for, and the cursor of what lies before them; None where nothing does."""
    places = _places(kafka, address)
    found: list[Seen] = []
    deadline = time.monotonic() + LOOK_SECONDS
    for looked_at, seen in enumerate(_newest(kafka, places, address.since_ms), start=1):
        places[seen.topic] = seen.number
        if _may_see(seen.source_id, grant) and address.admits(seen):
            found.append(seen)
        if len(found) == address.limit or looked_at == LOOKED_AT or time.monotonic() > deadline:
            return found, ",".join(f"{topic}:{number}" for topic, number in places.items())
    return found, None


def _places(kafka: DeadLetterLog, address: LettersAddress) -> dict[str, int]:
    """Return, by topic, the number of the letter before which a page begins."""
    if address.cursor is not None:
        return _read_cursor(address.cursor)
    if address.topic is not None:
        return {_checked(address.topic): kafka.bounds(address.topic)[1]}
    return {topic: kafka.bounds(topic)[1] for topic in DEAD}


def _read_cursor(cursor: str) -> dict[str, int]:
    places = {}
    for part in cursor.split(","):
        topic, _, number = part.partition(":")
        if topic not in DEAD or not is_number(number):
            raise invalid("cursor", f"cursor {cursor[:60]!r}: expected a next_cursor of an earlier answer")
        places[topic] = int(number)
    return places


def _newest(kafka: DeadLetterLog, places: Mapping[str, int], since_ms: int) -> Iterator[Seen]:
    """Give the letters before some places, newest first over all topics."""
    lists = []
    for topic, end in places.items():
        first = kafka.first_since(topic, since_ms) if since_ms else kafka.bounds(topic)[0]
        lists.append(kafka.newest(topic, first, min(end, kafka.bounds(topic)[1]), see))
    return heapq.merge(*lists, key=lambda seen: seen.at_ms, reverse=True)


def find(kafka: DeadLetterLog, topic: str, number: int, grant: Grant) -> DeadLetter | None:
    """Return a letter that a key may see."""
    letter = kafka.letter(topic, number) if topic in DEAD else None
    return letter if letter is not None and _may_see(source_of(letter), grant) else None


def _may_see(source_id: str | None, grant: Grant) -> bool:
    """Return whether a letter may be shown; of one that names no source nobody knows whose it is."""
    return grant.sources is None or (source_id is not None and grant.may_see(source_id))


def _checked(topic: str) -> str:
    if topic not in DEAD:
        raise invalid("topic", f"topic {topic[:80]!r}: expected one of {', '.join(DEAD)}")
    return topic


def is_number(text: str) -> bool:
    """Return whether a text is the number of a letter."""
    return text.isascii() and text.isdecimal() and len(text) <= 18

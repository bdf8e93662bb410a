"""Which life of a source a moment belongs to."""

from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders
from schemas.messages import Source


def stated_life(headers: FrameHeaders) -> int | None:
    """Return the life that a record names, in its header or in its stream; raises `InvalidMessage` when they differ."""
    parts = headers.stream.split("/")
    of_stream = int(parts[1]) if len(parts) > 1 else None
    if of_stream is not None and headers.life not in (None, of_stream):
        raise InvalidMessage(f"header life is {headers.life}, but stream {headers.stream!r} is of life {of_stream}")
    return headers.life if of_stream is None else of_stream


def life_at(source: Source, written_ms: int) -> int:
    """Return the life in force at a wall-clock time, such as a Kafka timestamp; before the first one began, the first."""
    begun = [life.life for life in source.lives if life.began_ms <= written_ms]
    first = min((life.life for life in source.lives), default=source.life)
    return max(begun, default=first)


def check_has_begun(source: Source, life: int) -> None:
    """Raise `InvalidMessage` for a life that a source has not come to: nobody can know of one before it is written."""
    if life > source.life:
        raise InvalidMessage(f"life {life} of source {source.source_id!r} has not begun: it is in life {source.life}")

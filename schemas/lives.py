"""Which life of a source a moment belongs to."""

from schemas.errors import InvalidMessage
from schemas.messages import Source


def life_at(source: Source, written_ms: int) -> int:
    """Return the life in force at a wall-clock time, such as a Kafka timestamp; before the first one began, the first."""
    begun = [life.life for life in source.lives if life.began_ms <= written_ms]
    first = min((life.life for life in source.lives), default=source.life)
    return max(begun, default=first)


def check_has_begun(source: Source, life: int) -> None:
    """Raise `InvalidMessage` for a life that a source has not come to: nobody can know of one before it is written."""
    if life > source.life:
        raise InvalidMessage(f"life {life} of source {source.source_id!r} has not begun: it is in life {source.life}")

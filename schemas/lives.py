"""Which life of a source a moment belongs to."""

from schemas.messages import Source


def life_at(source: Source, written_ms: int) -> int:
    """Return the life in force at a wall-clock time, such as a Kafka timestamp; before the first one began, the first."""
    begun = [life.life for life in source.lives if life.began_ms <= written_ms]
    first = min((life.life for life in source.lives), default=source.life)
    return max(begun, default=first)

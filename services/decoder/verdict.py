"""What becomes of a chunk that was dealt: begun, dropped, or looked at again in a moment."""

from typing import Final, Literal

from schemas.messages import Chunk, Source

SETTLED_MS: Final = 2_000
"""A chunk dealt longer ago than this was dealt under a wanted state that has been read by now."""

Verdict = Literal["decode", "drop", "wait"]


def dealing_ms(timestamp_ms: int, read_ms: int) -> int:
    """Return when a chunk was dealt. A Kafka timestamp from the future is of a wrong clock, and counts as the time of reading."""
    return min(timestamp_ms, read_ms)


def verdict(chunk: Chunk, source: Source | None, *, done: bool, age_ms: int) -> Verdict:
    """Judge a chunk by the wanted state of its source, as far as it has been read.

    Topics are read one beside the other: a chunk dealt just after a resume may arrive before the resume itself. What a rebuild
    asks for was indexed already, so a source that is paused gives it too.
    """
    if done or (source is not None and (source.life > chunk.life or source.wanted == "removed")):
        return "drop"
    if source is not None and source.life == chunk.life and (source.wanted == "running" or chunk.rebuild):
        return "decode"
    return "drop" if age_ms > SETTLED_MS else "wait"

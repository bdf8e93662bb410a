"""What becomes of a chunk that was dealt: begun, dropped, refused, or looked at again once more is known."""

from typing import Literal

from schemas.messages import Chunk, Source

Verdict = Literal["decode", "drop", "refuse", "wait"]


def dealing_ms(timestamp_ms: int, read_ms: int) -> int:
    """Return when a chunk was dealt. A Kafka timestamp from the future is of a wrong clock, and counts as the time of reading."""
    return min(timestamp_ms, read_ms)


def verdict(chunk: Chunk, source: Source | None, *, done: bool, is_settled: bool) -> Verdict:
    """Judge a chunk by the wanted state of its source, as far as it has been read.

    Topics are read one beside the other: a chunk dealt just after a resume may arrive before the resume itself, and waits until
    the wanted state `is_settled`: read on to its end since the chunk was read. Whoever dealt it has read the state before. What
    a rebuild asks for was indexed already, so a source that is paused gives it too. A source that is no file has nothing to be
    decoded but what was recorded of it.
    """
    if done or (source is not None and (source.life > chunk.life or source.wanted == "removed")):
        return "drop"
    if source is not None and source.life == chunk.life:
        if source.kind != "file" and not (chunk.recorded or chunk.rebuild):
            return "refuse"
        if source.wanted == "running" or chunk.rebuild:
            return "decode"
    return "drop" if is_settled else "wait"

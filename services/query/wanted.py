"""The next record of a source from its last and from what is asked: the rules of lives. Pure; only query writes `sources`.

A life begins when a removed source is added again, when a source becomes one of another kind, and when a file's address,
content, sampling or start time changes: rows of two lives are never mixed, because they are samples of different timelines. A
camera with another address is the same camera.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from schemas.messages import Kind, Life, Source, Wanted

LIVES_KEPT: Final = 100
"""So many lives a record names: what was written in an earlier one is of a life that is over, whichever it was."""

_TIMELINE_OF_A_FILE: Final = ("url", "sample_fps", "starts_at")


@dataclass(frozen=True)
class Wish:
    """What a person wants of a source: all of its record but `life` and `lives`."""

    kind: Kind
    url: str | None
    sample_fps: float
    name: str = ""
    category: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    starts_at: str | None = None
    record: bool = True
    keep_days: float | None = None
    wanted: Wanted = "running"


def put(last: Source | None, source_id: str, wish: Wish, now_ms: int) -> Source:
    """Return the record that makes a source what is wished, whatever it was."""
    fields = {name: getattr(wish, name) for name in wish.__dataclass_fields__} | {"labels": dict(wish.labels)}
    if last is None:
        return Source(source_id=source_id, life=1, lives=(Life(life=1, began_ms=now_ms),), **fields)
    wished = Source(source_id=source_id, life=last.life, lives=last.lives, **fields)
    return reborn(wished, now_ms) if _begins_anew(last, wished) else wished


def remove(last: Source) -> Source:
    """Return the record of a removed source: kept, because late messages must find out that it is gone."""
    return msgspec.structs.replace(last, wanted="removed")


def register(last: Source | None, source_id: str, sample_fps: float, now_ms: int) -> Source | None:
    """Return the record of a source that a producer has begun to feed; None where it is known, or was removed on purpose."""
    if last is not None:
        return None
    return put(None, source_id, Wish(kind="push", url=None, sample_fps=sample_fps), now_ms)


def content_changed(last: Source | None, life: int | None, now_ms: int) -> Source | None:
    """Return the record of a file whose bytes are others than those planned in `life`; None where that life is over already."""
    if last is None or last.kind != "file" or last.wanted == "removed" or life != last.life:
        return None
    return reborn(last, now_ms)


def reborn(source: Source, now_ms: int) -> Source:
    """Return `source` in a new life, which begins now and after the one before."""
    life = source.life + 1
    began_ms = max(now_ms, source.lives[-1].began_ms + 1) if source.lives else now_ms
    lives = (*source.lives[1 - LIVES_KEPT :], Life(life=life, began_ms=began_ms))
    return msgspec.structs.replace(source, life=life, lives=lives)


def _begins_anew(last: Source, wished: Source) -> bool:
    if last.wanted == "removed":
        return wished.wanted != "removed"
    if last.kind != wished.kind:
        return True
    return wished.kind == "file" and any(getattr(last, name) != getattr(wished, name) for name in _TIMELINE_OF_A_FILE)

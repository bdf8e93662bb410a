"""Which records are embedded: a pure decision over the wanted state of sources."""

from dataclasses import dataclass

from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders
from schemas.lives import check_has_begun, life_at, stated_life
from schemas.messages import Source
from schemas.producer_clock import ahead_of


@dataclass(frozen=True, slots=True)
class Admitted:
    """A record to embed. `life` is the one it belongs to, None for a source that is still to be registered.

    `unrecorded`: nothing is recorded of this source, so a thumbnail is kept.
    """

    life: int | None
    unrecorded: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record of something that is over: counted and left out."""

    reason: str


def admit(headers: FrameHeaders, written_ms: int, source: Source | None) -> Admitted | Dropped:
    """Decide about a record that Kafka took at `written_ms`. `source` is None for one that will be registered, as kind push.

    Raises `InvalidMessage` for a push source's picture from the future, for a life that has not begun, and for two that differ.
    """
    stated = stated_life(headers)
    if (source is None or source.kind == "push") and (ahead := ahead_of(written_ms, headers.t_ms, headers.captured_ms)):
        raise InvalidMessage(ahead[1])
    if source is None:
        return Admitted(stated, unrecorded=True)
    life = life_at(source, written_ms) if stated is None else stated
    check_has_begun(source, life)
    if life < source.life:
        return Dropped("another life")
    if life == source.life and source.wanted == "removed":
        return Dropped("removed source")
    return Admitted(life, unrecorded=_is_unrecorded(source))


def _is_unrecorded(source: Source) -> bool:
    return source.kind == "push" or (source.kind == "camera" and not source.record)

"""What is said of a file that can be read, but not as far as it should be. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEAST_MISSING_MS: Final = 2_000
MISSING_SHARE: Final = 0.01
"""Sound is often longer than its pictures, and rounding differs: less than this is no sign of damage."""
LEAST_UNUSABLE: Final = 10
UNUSABLE_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Hole:
    """Where nothing can be read: from the end of a picture to the next one, on the timeline."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A chunk as it was read, up to its own end `until_ms` where the file goes as far.

    `ends_ms` is where its last usable picture ends, `stated_ms` the file's own word, 0 without one.
    """

    stated_ms: int
    ends_ms: int
    until_ms: int
    usable: int
    unusable: int
    holes: Sequence[Hole] = ()


def notices(reading: Reading) -> tuple[str, ...]:
    """Return what the person who added the file should know of it; nothing, as a rule.

    What several chunks come to is said by each in the same words, and so known once.
    """
    said = []
    missing_ms = min(reading.stated_ms, reading.until_ms) - reading.ends_ms
    if missing_ms > max(LEAST_MISSING_MS, reading.stated_ms * MISSING_SHARE):
        ends, stated = clock(reading.ends_ms), clock(reading.stated_ms)
        said.append(f"the video ends at {ends} of {stated}: the file is truncated or damaged")
    for hole in dict.fromkeys(reading.holes):
        begins, ends = clock(hole.from_ms), clock(hole.to_ms + 999)
        said.append(f"nothing can be read from {begins} to {ends}: the file is damaged")
    pictures = reading.usable + reading.unusable
    if reading.unusable >= max(LEAST_UNUSABLE, pictures * UNUSABLE_SHARE):
        until = clock(reading.ends_ms)
        said.append(f"{reading.unusable} of {pictures} pictures read up to {until} cannot be decoded: the file is damaged")
    return tuple(said)


def clock(t_ms: int) -> str:
    """Return a place on the timeline as people write it: 0:41, 1:02:03."""
    minutes, seconds = divmod(t_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

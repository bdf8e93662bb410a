"""What is said of a file that can be read, but not as far as it should be. Pure."""

from dataclasses import dataclass
from typing import Final

LEAST_MISSING_MS: Final = 2_000
MISSING_SHARE: Final = 0.01
"""Sound is often longer than its pictures, and rounding differs: less than this is no sign of damage."""
LEAST_UNUSABLE: Final = 10
UNUSABLE_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """A chunk as it was read. `ends_ms` is where its last usable picture ends, `stated_ms` the file's own word, 0 without one."""

    stated_ms: int
    ends_ms: int
    to_end: bool
    usable: int
    unusable: int


def notices(reading: Reading) -> tuple[str, ...]:
    """Return what the person who added the file should know of it; nothing, as a rule."""
    said = []
    missing_ms = reading.stated_ms - reading.ends_ms
    if reading.to_end and missing_ms > max(LEAST_MISSING_MS, reading.stated_ms * MISSING_SHARE):
        ends, stated = clock(reading.ends_ms), clock(reading.stated_ms)
        said.append(f"the video ends at {ends} of {stated}: the file is truncated or damaged")
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

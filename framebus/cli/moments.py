"""Times as people type them, and as they read them. Pure: the clock is an argument."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from framebus.cli.failure import bad_usage

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
EPOCH_FROM_MS: Final = 100_000_000_000
"""A `t_ms` from here on is UTC epoch milliseconds (1973), one below is time within a file (up to three years)."""


def parse_moment(text: str, now: datetime) -> str:
    """Return a moment as ISO 8601 in UTC: from ISO 8601 (UTC where it names no offset) or from `-15m`, `-2h`, `-3d`."""
    ago = re.fullmatch(r"-(\d{1,9}(?:\.\d+)?)([smhdw])", text)
    try:
        moment = now - timedelta(**{UNITS[ago[2]]: float(ago[1])}) if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise bad_usage(text, "not a time", "give ISO 8601 like 2026-11-20T08:00:00Z, or -15m, -2h, -3d before now") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_days(text: str) -> float:
    """Return a length of time as days: from `14d`, `36h`, `2w`."""
    length = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([hdw])", text)
    if not length:
        raise bad_usage(text, "not a length of time", "give hours, days or weeks: 36h, 14d, 2w")
    return timedelta(**{UNITS[length[2]]: float(length[1])}) / timedelta(days=1)


def clock(t_ms: int) -> str:
    """Return a time of a timeline: `0:01:07` in a file, `2026-11-20 08:00:01` (UTC) for a camera."""
    if t_ms >= EPOCH_FROM_MS:
        return datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    minutes, seconds = divmod(max(t_ms, 0) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def milliseconds(moment: str) -> int:
    """Return an ISO 8601 moment of the API as UTC epoch milliseconds."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def age(then_ms: int, now_ms: int) -> str:
    """Return how long ago something was, in the largest unit that it fills: `4 s`, `12 min`, `3 h`, `2 d`."""
    seconds = max(0, now_ms - then_ms) // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def span(start_ms: int, end_ms: int) -> str:
    """Return a segment as `0:01:07–0:01:12`; a camera's second time is without the date where it is the same day."""
    start, end = clock(start_ms), clock(end_ms)
    same_day = start[:10] == end[:10] and " " in start
    return f"{start}–{end[11:] if same_day else end}"

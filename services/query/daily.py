"""A time of day as ranges of the clock of a zone: one for each day, because a day of a time zone is not always 24 hours."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MS: Final = 86_400_000


def zone_named(name: str) -> tzinfo | None:
    """Return the time zone that the tz database has under a name such as Europe/Berlin; None where it has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name is looked up as a file, and may be that of a folder
        return None


def daily_ranges(begin: time, end: time, zone: tzinfo, first_ms: int, last_ms: int) -> list[tuple[int, int]]:
    """Return the half-open UTC ranges [begin, end) of every local day that touches [first_ms, last_ms].

    An `end` at or before `begin` is on the next day: 22:00 to 06:00 is a night.
    """
    day = datetime.fromtimestamp(first_ms / 1000, UTC).astimezone(zone).date() - timedelta(days=1)
    last_day = datetime.fromtimestamp(last_ms / 1000, UTC).astimezone(zone).date()
    overnight = timedelta(days=1 if end <= begin else 0)
    ranges = []
    while day <= last_day:
        start_ms = _epoch_ms(datetime.combine(day, begin, zone))
        end_ms = _epoch_ms(datetime.combine(day + overnight, end, zone))
        if start_ms < end_ms and end_ms > first_ms and start_ms <= last_ms:
            ranges.append((start_ms, end_ms))
        day += timedelta(days=1)
    return ranges


def _epoch_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

"""The recorded segments of a camera's life, found by their names."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from schemas.recordings import Segment, day_of, parse_segment
from services.query.media.original import NothingThereError, UnreadableError, shown_until
from services.query.media.stretches import Counted, Stretch, counted, covering
from services.query.media.walking import entries

DAY_MS: Final = 86_400_000


def recorded(life: Path, start_ms: int, end_ms: int) -> tuple[Stretch, ...]:
    """Return what may show a part of [start_ms, end_ms), in order. A segment may have begun on the day before."""
    days = {day_of(t_ms) for t_ms in range(start_ms - DAY_MS, end_ms + DAY_MS, DAY_MS)}
    return tuple(_stretch(life, one) for one in covering(_segments(life, days), start_ms, end_ms))


def nearest_recorded(life: Path, t_ms: int) -> tuple[int, int] | None:
    """Return the recorded span that is nearest to a moment, None where nothing is recorded at all. Looks at two days."""
    spans = [_shown(life, group) for group in _around(_unbroken(counted(_segments(life, _days_around(life, t_ms)))), t_ms)]
    return min(spans, key=lambda span: max(span[0] - t_ms, t_ms - span[1], 0), default=None)


def _segments(life: Path, days: Iterable[str]) -> Iterator[Segment]:
    for day in days:
        yield from filter(None, (parse_segment(path.name) for path in entries(life / day)))


def _days_around(life: Path, t_ms: int) -> list[str]:
    """Return the last day with segments that have begun by `t_ms`, and the first with later ones."""
    days = sorted(path.name for path in entries(life))
    earlier = (day for day in reversed(days) if any(one.start_ms <= t_ms for one in _segments(life, [day])))
    later = (day for day in days if any(one.start_ms > t_ms for one in _segments(life, [day])))
    today = day_of(t_ms)
    return list({day for day in (next(earlier, None), next(later, None), today) if day is not None})


def _unbroken(segments: Iterable[Counted]) -> list[list[Counted]]:
    """Group segments by run: a run has no gaps."""
    return [list(group) for _, group in groupby(segments, key=lambda one: one.segment.run)]


def _around(groups: list[list[Counted]], t_ms: int) -> list[list[Counted]]:
    before = [group for group in groups if group[0].segment.start_ms <= t_ms]
    return before[-1:] + groups[len(before) : len(before) + 1]


def _shown(life: Path, group: list[Counted]) -> tuple[int, int]:
    last = _stretch(life, group[-1])
    try:
        end_ms = shown_until(last)
    except (NothingThereError, UnreadableError):
        end_ms = last.start_ms
    return group[0].segment.start_ms, end_ms if last.until_ms is None else min(end_ms, last.until_ms)


def _stretch(life: Path, one: Counted) -> Stretch:
    path = life / one.segment.day / one.segment.name
    return Stretch(str(path.absolute()), one.segment.start_ms, one.until_ms, recorded=True, continues=one.continues)

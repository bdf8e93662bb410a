"""Which rows a search may return: filters, a key's sight and lives, turned into one expression for the vector search. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, time, tzinfo
from typing import Final

from schemas.messages import Source
from services.query import filters
from services.query.daily import daily_ranges, zone_named
from services.query.problems import invalid

MOST_DAYS: Final = 1_100
"""A time of day is one range for each day, so its days are bounded: about three years."""
TIMEZONE_LABEL: Final = "timezone"


@dataclass(frozen=True)
class Filters:
    """What a person asks for, checked. Empty means all; times are UTC epoch milliseconds."""

    sources: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    since_ms: int | None = None
    until_ms: int | None = None
    time_of_day: tuple[time, time] | None = None
    zone: tzinfo = UTC
    provisional: bool = True

    @property
    def by_clock(self) -> bool:
        """Whether only rows whose clock time is known can match."""
        return self.since_ms is not None or self.until_ms is not None or self.time_of_day is not None

    def admits(self, source: Source) -> bool:
        """Return whether a source is one of those asked for."""
        return (
            (not self.sources or source.source_id in self.sources)
            and (not self.categories or source.category in self.categories)
            and all(source.labels.get(name) == value for name, value in self.labels.items())
        )


@dataclass(frozen=True)
class Scope:
    """The sources whose rows may come back, by source_no, and the expression of those rows.

    `clock` is the part of the expression that is not about sources; `without_clock` counts the sources that it cannot match.
    """

    sources: Mapping[int, Source]
    expression: filters.Expression
    clock: filters.Expression
    without_clock: int


def scope(
    known: Mapping[int, Source],
    sight: frozenset[str] | None,
    wanted: Filters,
    clock_span: Callable[[filters.Expression], tuple[int, int] | None],
) -> Scope:
    """Return the scope of a search over all `known` sources, removed ones too, for a key that sees `sight` (None: everything).

    `clock_span` gives the first and last captured_ms, to the day, of the rows of an expression; only a time of day needs it.
    """
    shown = {no: source for no, source in known.items() if _is_shown(source, sight) and wanted.admits(source)}
    if not shown:
        return Scope({}, filters.EVERYTHING, filters.EVERYTHING, 0)
    hidden = [no for no in known if no not in shown]
    lives = filters.lives({no: source.life for no, source in shown.items()}, hidden, closed=sight is not None)
    final = filters.EVERYTHING if wanted.provisional else filters.FINAL_ONLY
    clock = filters.all_of([filters.captured(wanted.since_ms, wanted.until_ms), final])
    without_clock = sum(source.kind == "file" and source.starts_at is None for source in shown.values()) if wanted.by_clock else 0
    if wanted.time_of_day is not None:
        span = clock_span(filters.all_of([lives, clock]))
        daily = _daily(shown, wanted, span) if span else None
        shown, clock = (shown, filters.all_of([clock, daily])) if daily else ({}, clock)
    return Scope(shown, filters.all_of([lives, clock]), clock, without_clock)


def _is_shown(source: Source, sight: frozenset[str] | None) -> bool:
    return source.wanted != "removed" and (sight is None or source.source_id in sight)


def _daily(shown: Mapping[int, Source], wanted: Filters, span: tuple[int, int]) -> filters.Expression | None:
    """Match the time of day in each source's own time zone, between the ends of `span`; None where no day has it."""
    assert wanted.time_of_day is not None
    if span[1] - span[0] > MOST_DAYS * 86_400_000:
        days = (span[1] - span[0]) // 86_400_000
        raise invalid("filters.time_of_day", f"time_of_day over {days} days: at most {MOST_DAYS}; narrow it by since and until")
    groups = defaultdict(list)
    for no, source in shown.items():
        groups[_zone(source, wanted.zone)].append(no)
    parts = []
    for zone, numbers in groups.items():
        ranges = daily_ranges(*wanted.time_of_day, zone, *span)
        if ranges:
            among = f"source_no in {sorted(numbers)}" if len(groups) > 1 else filters.EVERYTHING
            parts.append(filters.all_of([among, filters.captured_in(ranges)]))
    return filters.any_of(parts) if parts else None


def _zone(source: Source, default: tzinfo) -> tzinfo:
    name = source.labels.get(TIMEZONE_LABEL)
    return default if name is None else zone_named(name) or default


def unseen(known: Iterable[Source], sight: frozenset[str] | None, asked: frozenset[str]) -> list[str]:
    """Return the ids asked for that are not there, or that the key may not see."""
    return sorted(asked - {source.source_id for source in known if _is_shown(source, sight)})

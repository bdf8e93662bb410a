"""The one place that builds Milvus expressions. Only integers go into them, so there is nothing to escape.

Milvus 2.3.5 has neither chained ranges nor `not (...)`, and compares the result of arithmetic only by `==`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from schemas.identity import source_no
from schemas.messages import Source

Expression = str
EVERYTHING: Final[Expression] = ""
FINAL_ONLY: Final[Expression] = "provisional == false"


def all_of(parts: Iterable[Expression]) -> Expression:
    """Join expressions by `and`; what matches everything is left out."""
    return " and ".join(f"({part})" for part in parts if part)


def any_of(parts: Iterable[Expression]) -> Expression:
    """Join expressions by `or`. At least one is needed: an empty choice matches nothing and must not be asked for."""
    given = list(parts)
    assert given, "a choice of nothing"
    return " or ".join(f"({part})" for part in given) if len(given) > 1 else given[0]


def lives(shown: Mapping[int, int], hidden: Iterable[int], *, closed: bool) -> Expression:
    """Match the rows of each source's life in force. `shown` maps source_no to life, `hidden` lists all other known sources.

    Of naming what is shown and naming what is not, the shorter is chosen, because a list costs 4 microseconds an entry. `closed`
    asks for the first, where a row of a source that nobody knows must not come back.
    """
    by_life = _by_life(shown)
    usual = max(by_life, key=lambda life: len(by_life[life]), default=1)
    exceptions = sorted({*hidden, *(number for number, life in shown.items() if life != usual)})
    if closed or len(exceptions) > len(by_life.get(usual, ())):
        return any_of(f"life == {life} and source_no in {numbers}" for life, numbers in sorted(by_life.items()))
    rest = f"life == {usual} and source_no not in {exceptions}" if exceptions else f"life == {usual}"
    others = [f"life == {life} and source_no in {numbers}" for life, numbers in sorted(by_life.items()) if life != usual]
    return any_of([rest, *others])


def captured(since_ms: int | None, until_ms: int | None) -> Expression:
    """Match rows captured in [since_ms, until_ms), either end open; a row whose time is unknown (−1) never matches."""
    if since_ms is None and until_ms is None:
        return EVERYTHING
    until = [] if until_ms is None else [f"captured_ms < {until_ms}"]
    return " and ".join([f"captured_ms >= {max(0, since_ms or 0)}", *until])


def captured_in(ranges: Iterable[tuple[int, int]]) -> Expression:
    """Match rows captured in one of the half-open ranges of UTC epoch milliseconds."""
    return any_of(f"captured_ms >= {start} and captured_ms < {end}" for start, end in ranges)


def outside(spans: Iterable[tuple[int, int, int]]) -> Expression:
    """Match the rows that lie in none of the spans, each (source_no, first t_ms, last t_ms) with both ends in it."""
    return all_of(f"source_no != {no} or t_ms < {first} or t_ms > {last}" for no, first, last in spans)


def other_sources(numbers: Iterable[int]) -> Expression:
    """Match the rows of all sources but these."""
    listed = sorted(numbers)
    return f"source_no not in {listed}" if listed else EVERYTHING


def stretches(spans: Iterable[tuple[int, int, int, int]]) -> Expression:
    """Match the rows of spans, each (source_no, life, first t_ms, last t_ms) with both ends in it."""
    return any_of(f"source_no == {no} and life == {life} and t_ms >= {a} and t_ms <= {b}" for no, life, a, b in spans)


def of_life(source: Source) -> Expression:
    """Match the final rows of a source in the life in force."""
    return f"source_no == {source_no(source.source_id)} and life == {source.life} and {FINAL_ONLY}"


def _by_life(shown: Mapping[int, int]) -> dict[int, list[int]]:
    by_life: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(shown):
        by_life[shown[number]].append(number)
    return dict(by_life)

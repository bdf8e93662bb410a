"""Which sources have fewer rows in a new collection than in the one that is searched, and where on their timelines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from schemas.limits import LARGEST_T_MS
from services.indexer.rows import source_no
from services.indexer.store import Store


@dataclass(frozen=True, slots=True)
class Lack:
    """So many rows fewer, and the times between which all of them lie."""

    source_id: str
    rows: int
    span: str


def lacks(store: Store, searched: str, source_ids: Iterable[str], captured_before_ms: int) -> Iterator[Lack]:
    """Compare the store's collection with the one that is searched, a source at a time.

    What was captured later than this is still on its way to both of them.
    """
    settled = f"provisional == false and captured_ms < {captured_before_ms}"
    for source_id in source_ids:
        of_source = f'source_no == {source_no(source_id)} and source_id == "{source_id}" and {settled}'

        def fewer(between: str, of_source: str = of_source) -> int:
            expression = f"{of_source} and {between}"
            return store.count(expression, searched, "Bounded") - store.count(expression, consistency="Bounded")

        rows = fewer(f"t_ms <= {LARGEST_T_MS}")
        if rows > 0:
            first_ms = smallest(lambda t_ms: fewer(f"t_ms <= {t_ms}") > 0)
            last_ms = smallest(lambda t_ms: fewer(f"t_ms > {t_ms}") <= 0)
            yield Lack(source_id, rows, f"{first_ms} ms to {last_ms} ms")


def smallest(holds: Callable[[int], bool]) -> int:
    """Return the smallest t_ms at and after which something holds, which holds for the largest."""
    first_ms, last_ms = -LARGEST_T_MS, LARGEST_T_MS
    while first_ms < last_ms:
        middle_ms = (first_ms + last_ms) // 2
        first_ms, last_ms = (first_ms, middle_ms) if holds(middle_ms) else (middle_ms + 1, last_ms)
    return first_ms

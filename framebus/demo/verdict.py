"""Whether a search found what it should. Pure."""

from framebus.client import Hit, SearchResult
from framebus.demo.script import Expectation


def is_right(result: SearchResult, expected: Expectation | None) -> bool:
    """Return whether the first hit is the expected clip at the expected time, or nothing was found where nothing is."""
    if expected is None:
        return not result.found
    return result.found and bool(result.hits) and is_there(result.hits[0], expected)


def is_there(hit: Hit, expected: Expectation) -> bool:
    """Return whether a hit's best moment lies in the expected span."""
    start_ms, end_ms = expected.within_ms
    return hit.source_id == expected.source_id and start_ms <= hit.peak_ms <= end_ms

"""Whether a search found what it should. Pure."""

from framebus.client import Hit, SearchResult
from framebus.demo.script import Expectation, Script


def is_right(result: SearchResult, expected: Expectation | None, script: Script, began_ms: int) -> bool:
    """Return whether the first hit is the expected clip at the expected time, or nothing was found where nothing is."""
    if expected is None:
        return not result.found
    return result.found and bool(result.hits) and is_there(result.hits[0], expected, script, began_ms)


def is_there(hit: Hit, expected: Expectation, script: Script, began_ms: int) -> bool:
    """Return whether a hit's best moment lies in the expected span, or after `began_ms` (UTC) where it is the camera's."""
    if hit.source_id != expected.source_id:
        return False
    if expected.source_id == script.camera.source_id:
        return hit.peak_ms >= began_ms
    start_ms, end_ms = expected.within_ms
    return start_ms <= hit.peak_ms <= end_ms

"""How long nothing was written although there was work. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """The rows of an index at a time; `rows` is None where it did not answer."""

    at_seconds: float
    rows: int | None
    work_waits: bool


def longest_stall_seconds(looks: Iterable[Look]) -> float:
    """Return the longest time without a new row during which work was waiting all along."""
    longest, most_rows, since_seconds = 0.0, -1, None
    for look in looks:
        is_new = look.rows is not None and look.rows > most_rows
        if since_seconds is not None:
            longest = max(longest, look.at_seconds - since_seconds)
        if is_new:
            most_rows = look.rows or 0
        if not look.work_waits:
            since_seconds = None
        elif is_new or since_seconds is None:
            since_seconds = look.at_seconds
    return longest

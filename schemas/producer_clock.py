"""Times that producers set: what is ahead of us by more than clocks differ is a mistake, and would hide what comes later."""

from typing import Final

from schemas.limits import UNKNOWN_MS
from schemas.topics import DAY_MS

FUTURE_LIMIT_MS: Final = 60_000
"""How far a producer's clock may be ahead."""

RUN_LIMIT_MS: Final = 365 * DAY_MS
"""How far the run of a camera may be ahead. A decoder numbers runs by its clock, and goes on above what one has given that was
ahead by less."""

EPOCH_FROM_MS: Final = 1_000_000_000_000
"""A `t_ms` above this is UTC epoch milliseconds (from 2001 on); a push source may count from any other moment too."""


def ahead_of(now_ms: int, t_ms: int | None, captured_ms: int) -> tuple[str, str] | None:
    """Return the field that lies in the future of `now_ms` and the sentence that says so; None where none does."""
    times = {"captured_ms": captured_ms, "t_ms": t_ms if t_ms is not None and t_ms > EPOCH_FROM_MS else UNKNOWN_MS}
    for name, time_ms in times.items():
        if time_ms > now_ms + FUTURE_LIMIT_MS:
            limit = f"at most {FUTURE_LIMIT_MS // 1000} s ahead are taken"
            return name, f"{name} {time_ms} is {(time_ms - now_ms) / 1000:.0f} s in the future: {limit}; set the sender's clock"
    return None


def is_run_of_a_camera(run: int, now_ms: int) -> bool:
    """Return whether a decoder may have begun this run: the largest wins, so one from nowhere would hide all that comes later."""
    return run <= now_ms + RUN_LIMIT_MS

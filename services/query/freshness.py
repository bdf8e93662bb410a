"""How fresh the index is, from what `index-events` says of rows. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from schemas.limits import UNKNOWN_MS
from schemas.messages import RowWritten

RATE_SAMPLES: Final = 20
RATE_SPAN_MS: Final = 120_000
YEAR_9999_MS: Final = 253_370_764_800_000


@dataclass(frozen=True)
class Newest:
    """The newest row of one source, as it first became searchable, and the times of the last rows up to it."""

    row: RowWritten
    times_ms: tuple[int, ...]

    @property
    def captured_at(self) -> str | None:
        """When it was taken, ISO 8601 in UTC; None where nobody knows, or where the clock that says so is out of all reason."""
        if not UNKNOWN_MS < self.row.captured_ms < YEAR_9999_MS:
            return None
        moment = datetime.fromtimestamp(self.row.captured_ms / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def searchable_seconds(self) -> float | None:
        """Seconds from the moment it was taken until it could be found; None where the former is unknown."""
        return None if self.row.captured_ms == UNKNOWN_MS else (self.row.searchable_ms - self.row.captured_ms) / 1000

    @property
    def samples_per_second(self) -> float | None:
        """Rows a second of the timeline, lately; None while there is one alone."""
        span_ms = self.times_ms[-1] - self.times_ms[0]
        return round(1000 * (len(self.times_ms) - 1) / span_ms, 3) if span_ms else None


def advance(newest: Newest | None, row: RowWritten) -> Newest:
    """Return the newest row when `row` has become searchable. A final row replaces a provisional one: it is no newer."""
    if newest is None or row.life > newest.row.life:
        return Newest(row, (row.t_ms,))
    if row.life < newest.row.life or row.t_ms <= newest.row.t_ms:
        return newest
    lately = [t_ms for t_ms in newest.times_ms if t_ms > row.t_ms - RATE_SPAN_MS]
    return Newest(row, (*lately, row.t_ms)[-RATE_SAMPLES:])

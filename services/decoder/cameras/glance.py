"""What journals show at a glance, line by line and keeping none: whether readers have taken all of it. Pure.

Nearly all looks find nothing. Thousands of lines that are held for a moment, while others allocate what stays, would leave memory
full of holes, every ten minutes for each camera.
"""

from dataclasses import dataclass
from math import inf

from schemas.recordings import NOT_ACKNOWLEDGED, JournalLine, Segment
from services.decoder.cameras.spans import Fence, over_at


@dataclass(slots=True)
class _Run:
    """The offsets of a run's samples, and the start of the oldest segment with one of which Kafka has said nothing."""

    first_offset: float = inf
    last_offset: float = -inf
    unheard_from_ms: int | None = None


class Glance:
    """Everything that is noted of a camera from some time on, seen once."""

    def __init__(self) -> None:
        self._runs: dict[int, _Run] = {}
        self._last: tuple[int, int] | None = None
        self._last_start_ms: int | None = None

    def see(self, segment: Segment, line: JournalLine) -> None:
        """Take in a line."""
        run = self._runs.setdefault(line.run, _Run())
        if line.offset == NOT_ACKNOWLEDGED:
            known_ms = segment.start_ms if run.unheard_from_ms is None else run.unheard_from_ms
            run.unheard_from_ms = min(segment.start_ms, known_ms)
        else:
            run.first_offset = min(run.first_offset, line.offset)
            run.last_offset = max(run.last_offset, line.offset)
        if self._last is None or (line.t_ms, line.run) >= self._last:
            self._last, self._last_start_ms = (line.t_ms, line.run), segment.start_ms

    def shows_all_taken(self, newest: Fence, first: Fence) -> bool:
        """Whether `spans.missed` would find nothing. Where this does not say so it may find nothing too: of what a larger run has
        shown nothing is missed."""
        over = over_at({run: seen.first_offset for run, seen in self._runs.items()}, first)
        below = ((run, seen) for run, seen in self._runs.items() if run < newest.below_run)
        return all(seen.unheard_from_ms is None and seen.last_offset <= over[run] for run, seen in below)

    def open_from_ms(self, below_run: int) -> int | None:
        """Return the start of the oldest segment that is still to be looked at, as `spans.settled_ms` does: one with a sample on
        its way to Kafka, or else the newest. None where nothing is noted."""
        unheard_ms = (seen.unheard_from_ms for run, seen in self._runs.items() if run >= below_run)
        return min((start_ms for start_ms in unheard_ms if start_ms is not None), default=self._last_start_ms)

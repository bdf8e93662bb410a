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
    """The offsets of a run's samples, and whether Kafka has said nothing of one."""

    first_offset: float = inf
    last_offset: float = -inf
    has_unheard: bool = False


class Glance:
    """Everything that is noted of a camera from some time on, seen once."""

    def __init__(self) -> None:
        self._runs: dict[int, _Run] = {}
        self._last: tuple[int, int] | None = None
        self._last_start_ms: int | None = None
        self._unheard_start_ms: dict[int, int] = {}

    def see(self, segment: Segment, line: JournalLine) -> None:
        """Take in a line."""
        run = self._runs.setdefault(line.run, _Run())
        if line.offset == NOT_ACKNOWLEDGED:
            run.has_unheard = True
            self._unheard_start_ms[line.run] = min(segment.start_ms, self._unheard_start_ms.get(line.run, segment.start_ms))
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
        return all(not seen.has_unheard and seen.last_offset <= over[run] for run, seen in below)

    def open_from_ms(self, below_run: int) -> int | None:
        """Return the start of the oldest segment that is still to be looked at, as `spans.settled_ms` does: one with a sample on
        its way to Kafka, or else the newest. None where nothing is noted."""
        on_its_way = [start_ms for run, start_ms in self._unheard_start_ms.items() if run >= below_run]
        return min(on_its_way, default=self._last_start_ms)

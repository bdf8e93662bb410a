"""Which stretches of which sources are read exactly: those around the nearest rows. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

REACH_MS: Final = 10_000
"""How far to each side of a candidate the curve is read at first."""
GROWTHS_MS: Final = (30_000, 120_000)
"""How much is read beyond a side where a segment has reached the end of its window, the first and the second time."""
HALVINGS: Final = REACH_MS.bit_length()
"""After so many nothing is left of a window but the moment of its candidate."""


@dataclass(frozen=True, slots=True)
class Window:
    """A closed span [first_ms, last_ms] of one life of a source."""

    source_no: int
    life: int
    first_ms: int
    last_ms: int

    def holds(self, t_ms: int) -> bool:
        """Return whether a time of this source lies in the window."""
        return self.first_ms <= t_ms <= self.last_ms

    def grown(self, *, left_ms: int, right_ms: int) -> "Window":
        """Return the window with more at its sides."""
        return replace(self, first_ms=self.first_ms - left_ms, last_ms=self.last_ms + right_ms)

    def around_middle(self, reach_ms: int) -> "Window":
        """Return the window of that reach around the middle of this one."""
        middle_ms = (self.first_ms + self.last_ms) // 2
        return replace(self, first_ms=middle_ms - reach_ms, last_ms=middle_ms + reach_ms)


def open_windows(
    candidates: Iterable[tuple[int, int, int]], opened: Iterable[Window], per_source: int, most: int
) -> tuple[list[Window], set[int]]:
    """Open a window around each candidate (source_no, life, t_ms), best first, that no window holds yet.

    Returns all windows, those `opened` before first, and the sources that have as many as they may.
    """
    windows = list(opened)
    of_source: defaultdict[int, list[Window]] = defaultdict(list)
    for window in windows:
        of_source[window.source_no].append(window)
    for source_no, life, t_ms in candidates:
        mine = of_source[source_no]
        if len(windows) < most and len(mine) < per_source and not any(window.holds(t_ms) for window in mine):
            mine.append(Window(source_no, life, t_ms - REACH_MS, t_ms + REACH_MS))
            windows.append(mine[-1])
    return windows, {number for number, mine in of_source.items() if len(mine) >= per_source}


def narrowed(windows: Sequence[Window], halvings: int) -> list[Window]:
    """Return the first windows as they are and the others, whose candidates are worse, at a part of their reach.

    Each keeps its candidate; a lesser match some seconds away may fall out. A halving halves the number of the whole ones and
    the reach of the others:

        halvings    0  all whole
                    1  the first half whole     the others 5 s to each side
                    2  the first quarter whole  the others 2.5 s to each side
    """
    whole, reach_ms = len(windows) >> halvings, REACH_MS >> halvings
    return [*windows[:whole], *(window.around_middle(reach_ms) for window in windows[whole:])]


def merge(windows: Iterable[Window]) -> list[Window]:
    """Join windows that overlap or touch; the result is ordered by source and time, and each row lies in at most one."""
    merged: list[Window] = []
    for window in sorted(windows, key=lambda one: (one.source_no, one.life, one.first_ms)):
        last = merged[-1] if merged else None
        if last and (last.source_no, last.life) == (window.source_no, window.life) and window.first_ms <= last.last_ms + 1:
            merged[-1] = replace(last, last_ms=max(last.last_ms, window.last_ms))
        else:
            merged.append(window)
    return merged

"""What a soak has seen, in one CSV file that grows while it runs: a line is a moment, what was seen, of whom, and its value."""

import csv
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Points = Sequence[tuple[float, float]]
"""Moments in seconds since the load began, each with a value."""
COLUMNS: Final = ("at_seconds", "what", "of", "value")


class Record:
    """The file of a running soak. Any thread may write; what is written is on the file at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", newline="", buffering=1)
        self._lines = csv.writer(self._file)
        self._lines.writerow(COLUMNS)
        self._lock = threading.Lock()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the load has lasted."""
        return time.monotonic() - self._began

    def note(self, what: str, of: str, value: float) -> None:
        """Write one line."""
        with self._lock:
            self._lines.writerow((f"{self.seconds:.2f}", what, of, f"{value:.6g}"))

    def close(self) -> None:
        """End the file."""
        self._file.close()


@dataclass(frozen=True)
class Samples:
    """Everything that was seen, by what it is and of whom."""

    seen: Mapping[str, Mapping[str, Points]]

    def of(self, what: str) -> Mapping[str, Points]:
        """Return what was seen of everybody."""
        return self.seen.get(what, {})

    def all(self, what: str) -> Points:
        """Return what was seen of anybody, in order of time."""
        return sorted(point for points in self.of(what).values() for point in points)

    def words(self, what: str) -> Sequence[str]:
        """Return of whom or what something was noted, in the order in which it first was."""
        return list(self.of(what))

    @property
    def ended_seconds(self) -> float:
        """When the load should have ended, or the last look at the processes where the soak was broken off before."""
        looks = self.all("load_ended") or self.all("memory_mb")
        planned = max((60 * minutes for _, minutes in self.all("planned_minutes")), default=float("inf"))
        return min(looks[-1][0], planned) if looks else 0.0


def gather(lines: Iterable[Sequence[str]]) -> Samples:
    """Return the samples of the lines of a file; one that was cut off is left out."""
    seen: defaultdict[str, defaultdict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if len(line) == len(COLUMNS) and line[0] != COLUMNS[0]:
            with suppress(ValueError):
                seen[line[1]][line[2]].append((float(line[0]), float(line[3])))
    return Samples(seen)


def read_samples(path: Path) -> Samples:
    """Return what a soak has written, also while it runs or after it was broken off."""
    with path.open(newline="") as file:
        return gather(csv.reader(file))

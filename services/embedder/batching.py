"""Which records go into the next batch, and how many. Pure: time is passed in as measured seconds.

A lane is one first-in-first-out line over all its partitions: a batch mixes streams freely and every partition's order holds.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from streaming.records import Partition

W = TypeVar("W")
RESUME_SHARE: Final = 0.25
"""A full lane takes records again when it has emptied to this share: pausing a consumer discards what it had fetched ahead."""
SMOOTHING: Final = 0.3


@dataclass(frozen=True, slots=True)
class Held(Generic[W]):
    """A record on its way through. `images` is 1 where the model must run for it, 0 for a mark."""

    partition: Partition
    offset: int
    images: int
    size_bytes: int
    work: W


class Lane(Generic[W]):
    """Records of one lane, oldest first, bounded in number and in bytes."""

    def __init__(self, most_records: int, most_bytes: int) -> None:
        self._most_records, self._most_bytes = most_records, most_bytes
        self._line: deque[Held[W]] = deque()
        self._bytes = 0
        self._full = False

    def __len__(self) -> int:
        return len(self._line)

    @property
    def head(self) -> Held[W] | None:
        """The oldest record, None when the lane is empty."""
        return self._line[0] if self._line else None

    def append(self, held: Held[W]) -> None:
        """Take the newest record."""
        self._line.append(held)
        self._bytes += held.size_bytes

    def accepts(self) -> bool:
        """Return whether records should be read: until the lane is full, then again once it has emptied to a quarter."""
        fullness = max(len(self._line) / self._most_records, self._bytes / self._most_bytes)
        self._full = fullness >= 1 or (self._full and fullness > RESUME_SHARE)
        return not self._full

    def take(self, most_images: int, ready: Callable[[W], bool]) -> list[Held[W]]:
        """Remove and return the oldest records up to `most_images` pictures; the first that is not ready ends the batch."""
        batch: list[Held[W]] = []
        images = 0
        while self._line and ready(self._line[0].work) and images + self._line[0].images <= most_images:
            held = self._line.popleft()
            images += held.images
            self._bytes -= held.size_bytes
            batch.append(held)
        return batch

    def forget(self, partition: Partition) -> list[Held[W]]:
        """Remove and return everything of `partition`."""
        gone = [held for held in self._line if held.partition == partition]
        self._line = deque(held for held in self._line if held.partition != partition)
        self._bytes -= sum(held.size_bytes for held in gone)
        return gone


def first_waiting(lanes: Sequence[Lane[W]]) -> Lane[W] | None:
    """Return the first lane that holds anything: lanes are given in the order of their rank."""
    return next((lane for lane in lanes if lane), None)


class BatchSize:
    """How many images fit into a step of `step_seconds`, from what recent steps took."""

    def __init__(self, step_seconds: float, most_images: int) -> None:
        self._step_seconds, self._most_images = step_seconds, most_images
        self._seconds_per_image: float | None = None

    @property
    def images(self) -> int:
        """Images for the next step, at least 1; 1 until a step has been measured."""
        if self._seconds_per_image is None:
            return 1
        return max(1, min(self._most_images, int(self._step_seconds / self._seconds_per_image)))

    @property
    def images_per_second(self) -> float:
        """The rate that was measured, 0 before."""
        return 1 / self._seconds_per_image if self._seconds_per_image else 0.0

    def measured(self, images: int, seconds: float) -> None:
        """Learn that a step of `images` took `seconds`.

        A batch far below the limit says little about a full one unless it was too slow. Slowness counts at once, speed by and by.
        """
        if images == 0 or (images < self.images / 2 and seconds <= self._step_seconds):
            return
        latest = max(seconds, 1e-6) / images
        before = latest if self._seconds_per_image is None else self._seconds_per_image
        self._seconds_per_image = max(latest, before + SMOOTHING * (latest - before))

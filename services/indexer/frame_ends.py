"""Which frames can have vectors: those that are in the topics of frames, or were."""

from collections.abc import Callable, Sequence
from typing import Final

from schemas.topics import LANES
from streaming.records import Partition
from streaming.topic_log import LogBounds

NEAR: Final = 64
"""So far behind the last frame that was believed one is believed unasked: vectors come in the order of their frames."""
TIMEOUT_SECONDS: Final = 5.0

Ends = Callable[[str], Sequence[int]]
"""Of the topic of frames whose vectors come in a topic: one past the newest frame of each partition; raises `Unavailable`."""


class FrameEnds:
    """Tells a frame that nobody has written from one whose vector may come; asks Kafka where it does not know yet."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._near: dict[Partition, int] = {}
        self._asked: dict[str, Sequence[int]] = {}

    def next_batch(self) -> None:
        """Allow one more question: one is enough for all vectors that were read before it."""
        self._asked.clear()

    def has(self, place: Partition, frame: int) -> bool:
        """Return whether the frame of a vector in a partition of embeddings has been written; raises `Unavailable`."""
        near = self._near.get(place, 0)
        if frame >= near:
            if place.topic not in self._asked:
                self._asked[place.topic] = self._ends(place.topic)
            near = self._asked[place.topic][place.number]
            if frame >= near:
                return False
        self._near[place] = max(frame + NEAR, near)
        return True


def frame_ends(bootstrap: str) -> FrameEnds:
    """Return the ends of the topics of frames, as Kafka tells them."""
    bounds = {vectors.name: LogBounds(bootstrap, frames.name, frames.partitions) for frames, vectors in LANES.values()}

    return FrameEnds(lambda topic: bounds[topic].ends(TIMEOUT_SECONDS))

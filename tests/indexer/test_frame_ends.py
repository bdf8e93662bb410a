"""Which frames may have vectors: Kafka is asked where one is ahead, and no more than once for what was read together."""

from collections.abc import Sequence

import pytest

from services.indexer.frame_ends import NEAR, FrameEnds
from streaming.errors import Unavailable
from streaming.records import Partition

PLACE, OTHER = Partition("embeddings-live", 0), Partition("embeddings-live", 1)


class Frames:
    """How many frames there are in two partitions, and how often that was asked."""

    def __init__(self, *written: int) -> None:
        self.written, self.asked = list(written), 0

    def ends(self, topic: str) -> Sequence[int]:
        assert topic == PLACE.topic
        self.asked += 1
        return self.written


def test_only_a_frame_that_was_written_is_believed() -> None:
    ends = FrameEnds(Frames(500, 0).ends)
    assert [ends.has(PLACE, frame) for frame in (0, 499, 10**12)] == [True, True, False]
    assert not ends.has(OTHER, 0)


def test_kafka_is_asked_once_a_batch_and_not_while_frames_come_one_after_the_other() -> None:
    frames = Frames(1_000, 0)
    ends = FrameEnds(frames.ends)
    assert all(ends.has(PLACE, frame) for frame in range(1_000 + NEAR - 1))
    assert frames.asked == 1
    assert not ends.has(PLACE, 10**12)
    ends.next_batch()
    frames.written[0] = 10**12 + 1
    assert ends.has(PLACE, 10**12)
    assert frames.asked == 2


def test_what_cannot_be_asked_is_waited_for() -> None:
    def ends(topic: str) -> Sequence[int]:
        raise Unavailable(topic)

    with pytest.raises(Unavailable):
        FrameEnds(ends).has(PLACE, 0)

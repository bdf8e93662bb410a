"""Batches: nothing lost, every partition in order, the live lane first, steps limited in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.embedder.batching import BatchSize, Held, Lane, first_waiting
from services.embedder.progress import Progress
from streaming.records import Partition

MARK_OR_PICTURE = st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 50))


def filled(records: list[tuple[int, int, int]]) -> Lane[int]:
    """Return a lane with these (partition, images, bytes), numbered from 0."""
    lane: Lane[int] = Lane(1000, 1_000_000)
    for number, (partition, images, size_bytes) in enumerate(records):
        lane.append(Held(Partition("frames-bulk", partition), number, images, size_bytes, number))
    return lane


def everything(_: int) -> bool:
    return True


@given(st.lists(MARK_OR_PICTURE), st.integers(1, 8))
def test_no_record_is_lost_and_every_partition_keeps_its_order(records: list[tuple[int, int, int]], most_images: int) -> None:
    lane, out = filled(records), []
    while lane:
        batch = lane.take(most_images, everything)
        assert batch
        assert sum(held.images for held in batch) <= most_images
        out += batch
    assert [held.work for held in out] == list(range(len(records)))


@given(st.lists(MARK_OR_PICTURE), st.integers(1, 8), st.sets(st.integers(0, 20)))
def test_a_batch_ends_before_the_first_record_that_is_not_ready(
    records: list[tuple[int, int, int]], most_images: int, decoding: set[int]
) -> None:
    batch = filled(records).take(most_images, lambda number: number not in decoding)
    assert [held.work for held in batch] == list(range(len(batch)))
    assert not decoding & {held.work for held in batch}


@given(st.lists(MARK_OR_PICTURE), st.integers(0, 3))
def test_a_partition_that_is_given_up_leaves_nothing_behind(records: list[tuple[int, int, int]], number: int) -> None:
    lane, partition = filled(records), Partition("frames-bulk", number)
    gone = lane.forget(partition)
    kept = lane.take(1000, everything)
    assert {held.partition for held in gone} <= {partition}
    assert sorted(held.work for held in (*gone, *kept)) == list(range(len(records)))
    assert partition not in {held.partition for held in kept}
    assert lane.accepts()


def test_the_live_lane_is_served_first() -> None:
    live, bulk = filled([]), filled([(0, 1, 0)])
    assert first_waiting([live, bulk]) is bulk
    live.append(Held(Partition("frames-live", 0), 0, 1, 0, 0))
    assert first_waiting([live, bulk]) is live
    assert first_waiting([filled([])]) is None


@pytest.mark.parametrize(("most_records", "most_bytes"), [(8, 10_000), (1000, 800)])
def test_a_full_lane_takes_records_again_once_it_is_a_quarter_full(most_records: int, most_bytes: int) -> None:
    lane: Lane[int] = Lane(most_records, most_bytes)
    for number in range(8):
        assert lane.accepts()
        lane.append(Held(Partition("frames-bulk", 0), number, 1, 100, number))
    accepted = []
    while lane:
        accepted.append(lane.accepts())
        lane.take(1, everything)
    assert accepted == [False] * 6 + [True] * 2


def steps(size: BatchSize, seconds_per_image: float, overhead_seconds: float, times: int) -> list[float]:
    """Run `times` full steps of a model with this cost; return how long each took."""
    taken = []
    for _ in range(times):
        images = size.images
        taken.append(overhead_seconds + images * seconds_per_image)
        size.measured(images, taken[-1])
    return taken


@given(st.floats(1e-4, 0.2), st.floats(0, 0.05))
def test_steps_settle_below_the_limit_whatever_the_model_costs(seconds_per_image: float, overhead_seconds: float) -> None:
    size = BatchSize(0.12, 64)
    late = steps(size, seconds_per_image, overhead_seconds, 60)[-5:]
    assert all(taken <= max(0.125, overhead_seconds + seconds_per_image) for taken in late)
    assert size.images == 64 or late[-1] > 0.12 / 2, "a step uses at least half of its time"


def test_a_machine_that_slows_down_is_noticed_in_one_step() -> None:
    size = BatchSize(0.12, 64)
    steps(size, 0.002, 0.0, 20)
    assert size.images >= 55
    slow = steps(size, 0.02, 0.0, 3)
    assert slow[1] <= 0.12


def test_small_live_batches_do_not_shrink_the_bulk_ones() -> None:
    size = BatchSize(0.12, 64)
    steps(size, 0.001, 0.01, 30)
    before = size.images
    for _ in range(100):
        size.measured(1, 0.011)
    assert size.images == before


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["take", "pass by", "finish"]))))
def test_the_safe_offset_is_the_oldest_unfinished_record(acts: list[tuple[int, str]]) -> None:
    progress, nexts = Progress(), dict.fromkeys(range(3), 10)
    unfinished: dict[int, list[int]] = {number: [] for number in range(3)}
    for number in range(3):
        progress.begin(Partition("frames-live", number), 10)
    for number, act in acts:
        partition, offset = Partition("frames-live", number), nexts[number]
        if act == "finish":
            if unfinished[number]:
                progress.finish(partition, unfinished[number].pop(0))
            continue
        nexts[number] += 1
        if act == "take":
            progress.take(partition, offset)
            unfinished[number].append(offset)
        else:
            progress.pass_by(partition, offset)
        assert progress.safe_offset(partition) == min([*unfinished[number], nexts[number]])


def test_a_record_that_finishes_before_an_older_one_is_our_mistake() -> None:
    progress, partition = Progress(), Partition("frames-live", 0)
    progress.begin(partition, 0)
    progress.take(partition, 0)
    progress.take(partition, 1)
    with pytest.raises(ValueError, match="offset 1 finished before 0"):
        progress.finish(partition, 1)

"""Chunks of a timeline: together the whole, and each with all that its windows need."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.limits import LARGEST_T_MS
from schemas.messages import Chunk
from services.decoder.decoding import Sample, samples
from services.decoder.picture import Picture
from services.decoder.plan import LEFT_SAMPLES, REACH_MS, margins_ms, spans
from services.decoder.sampling import Grid


@dataclass
class Recording:
    """A video as its frame times and keyframes; decoding begins at a keyframe before the place asked for."""

    times: list[int]
    keyframe_every: int

    def pictures(self, grid: Grid, from_ms: int) -> Iterator[Picture | None]:
        before = [i for i in range(0, len(self.times), self.keyframe_every) if self.times[i] < from_ms]
        frames = self.times[before[-1] if before else 0 :]
        yield from grid.samples((Picture(t, b"", 1, 1) for t in frames), from_ms)


def dealt(index: int, start_ms: int, end_ms: int, fps: float) -> Chunk:
    left_ms, right_ms = margins_ms(fps)
    return Chunk(
        stream=f"s/1/c{index}", source_id="s", life=1, index=index, url="/v", fingerprint="", sample_fps=fps, start_ms=start_ms,
        end_ms=end_ms, read_from_ms=max(0, start_ms - left_ms), read_until_ms=min(LARGEST_T_MS, end_ms + right_ms),
    )  # fmt: skip


def decoded(recording: Recording, chunk: Chunk) -> list[Sample]:
    return [sample for sample in samples(recording, chunk) if sample is not None]


def times_of(found: list[Sample], *, context: bool) -> list[int]:
    return [sample.sample.t_ms for sample in found if sample.context == context]


@pytest.mark.parametrize("read_from_ms", [-5, 0, 1, 30_000, 59_999, 60_000, 60_001, 200_000])
def test_a_chunk_is_read_from_where_its_margin_needs_wherever_it_says_that_reading_begins(read_from_ms: int) -> None:
    recording = Recording(list(range(0, 150_000, 500)), 4)
    chunk = dealt(1, 60_000, 120_000, 2.0)
    assert decoded(recording, msgspec.structs.replace(chunk, read_from_ms=read_from_ms)) == decoded(recording, chunk)


gaps = st.one_of(st.integers(1, 120), st.integers(1, 2_000), st.sampled_from([40, 40, 40, 7_000, 30_000]))
recordings = st.builds(
    Recording,
    times=st.lists(gaps, min_size=1, max_size=400).map(lambda steps: [sum(steps[:i]) for i in range(len(steps) + 1)]),
    keyframe_every=st.integers(1, 120),
)


@given(recording=recordings, fps=st.sampled_from([0.5, 1.0, 2.0, 3.0, 25.0]), length=st.integers(200, 40_000))
def test_chunks_together_are_the_whole_and_each_holds_what_its_windows_need(
    recording: Recording, fps: float, length: int
) -> None:
    whole = [picture.t_ms for picture in recording.pictures(Grid(fps), 0) if picture]
    owned = []
    for span in spans(recording.times[-1], length):
        found = decoded(recording, dealt(span.index, span.start_ms, span.end_ms, fps))
        mine, times = times_of(found, context=False), [sample.sample.t_ms for sample in found]
        owned += mine
        assert [sample.seq for sample in found] == list(range(len(found)))
        if mine:
            begin, end = whole.index(times[0]), whole.index(times[-1])
            assert whole[begin : end + 1] == times
            assert begin == 0 or sum(t < span.start_ms - REACH_MS for t in times) == LEFT_SAMPLES
            assert end == len(whole) - 1 or times[-1] >= span.end_ms + REACH_MS
        else:
            assert not found
    assert owned == whole


def test_a_margin_is_counted_in_samples_however_sparse_they_lie() -> None:
    recording = Recording([t * 4_000 for t in range(100)], keyframe_every=10)
    found = decoded(recording, dealt(1, 200_000, 260_000, 2.0))
    assert times_of(found, context=True)[:3] == [156_000, 160_000, 164_000]
    assert times_of(found, context=True)[-2:] == [268_000, 272_000]


def test_a_chunk_that_owns_nothing_is_empty() -> None:
    recording = Recording([0, 40, 80, 500_000], keyframe_every=1)
    assert decoded(recording, dealt(1, 60_000, 120_000, 2.0)) == []


def test_every_decoding_of_a_chunk_is_the_same_wherever_decoding_begins() -> None:
    times = list(range(0, 300_000, 37))
    chunk = dealt(1, 120_000, 180_000, 2.0)
    assert decoded(Recording(times, 7), chunk) == decoded(Recording(times, 1_000), chunk)

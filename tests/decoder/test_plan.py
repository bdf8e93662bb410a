"""Cutting a file: pure, whole minutes, cheap margins."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.limits import LARGEST_T_MS, PAYLOAD_LIMIT_BYTES
from schemas.messages import Life, Plan, Source, encode
from services.decoder.plan import chunk, cut, margins_ms, span_ms

rates = st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 25.0, 60.0])
durations = st.integers(0, 400 * 3_600_000)


@given(duration=durations, fps=rates)
def test_spans_cover_the_timeline_once(duration: int, fps: float) -> None:
    spans = cut(duration, fps, seekable=True)
    assert [span.index for span in spans] == list(range(len(spans)))
    assert spans[0].start_ms == 0
    assert spans[-1].end_ms == LARGEST_T_MS
    assert [span.end_ms for span in spans[:-1]] == [span.start_ms for span in spans[1:]]


@given(duration=durations, fps=rates)
def test_spans_begin_on_whole_minutes_and_all_are_long_enough(duration: int, fps: float) -> None:
    spans = cut(duration, fps, seekable=True)
    assert all(span.start_ms % 60_000 == 0 for span in spans)
    assert all(min(span.end_ms, duration) - span.start_ms >= span_ms(fps) for span in spans[1:])


@given(duration=st.integers(400 * 3_600_000, LARGEST_T_MS), fps=rates)
@settings(max_examples=10)
def test_a_plan_of_any_length_fits_into_a_record(duration: int, fps: float) -> None:
    plan = Plan(
        life=1,
        fingerprint="f" * 32,
        duration_ms=duration,
        sample_fps=fps,
        seekable=True,
        chunks=cut(duration, fps, seekable=True),
    )
    assert len(encode(plan)) < PAYLOAD_LIMIT_BYTES / 2


@given(fps=rates)
def test_margins_are_at_most_five_percent_of_the_samples(fps: float) -> None:
    assert sum(margins_ms(fps)) * Fraction(20) <= span_ms(fps)


def test_margins_hold_the_widest_window_and_the_longest_memory() -> None:
    assert margins_ms(2.0) == (9_000 + 10 * 500, 9_000 + 2 * 500)


def test_a_file_that_cannot_be_sought_is_one_chunk() -> None:
    assert len(cut(10 * 3_600_000, 2.0, seekable=False)) == 1


def test_a_file_of_unknown_length_is_one_chunk() -> None:
    assert len(cut(0, 2.0, seekable=True)) == 1


def test_an_hour_at_two_samples_a_second_is_seven_chunks_and_the_last_takes_the_rest() -> None:
    spans = cut(3_600_000, 2.0, seekable=True)
    assert [span.start_ms // 60_000 for span in spans] == [0, 8, 16, 24, 32, 40, 48]


def test_a_chunk_is_read_with_its_margins_and_not_before_the_beginning() -> None:
    source = Source(
        source_id="s", kind="file", life=3, lives=(Life(life=3, began_ms=0),), url="/v.mp4", sample_fps=2.0
    )  # fmt: skip
    spans = cut(3_600_000, 2.0, seekable=True)
    plan = Plan(life=3, fingerprint="f", duration_ms=3_600_000, sample_fps=2.0, seekable=True, chunks=spans)
    first, second = (chunk(source, plan, span, 1_000) for span in spans[:2])
    assert (first.stream, first.read_from_ms, first.captured_from_ms) == ("s/3/c0", 0, 1_000)
    assert (second.read_from_ms, second.read_until_ms) == (480_000 - 14_000, 960_000 + 10_000)

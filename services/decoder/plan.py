"""How a file is cut: a pure function of its length, its rate and whether it can be sought exactly."""

from fractions import Fraction
from math import ceil
from typing import Final

from schemas.identity import chunk_stream
from schemas.limits import LARGEST_CUT_MEMORY, LARGEST_SIGMA_SECONDS, LARGEST_T_MS, SMOOTHING_REACH_SIGMAS
from schemas.messages import Chunk, Plan, Source, Span

MINUTE_MS: Final = 60_000
MARGIN_SHARE: Final = Fraction(1, 20)
"""Margins are at most this share of a chunk's samples."""

REACH_MS: Final = ceil(SMOOTHING_REACH_SIGMAS * LARGEST_SIGMA_SECONDS * 1000)
"""How far the widest smoothing window sees to either side."""

MOST_CHUNKS: Final = 4_096
"""A plan is one record: 546 hours at 2 samples a second are cut as usual, a longer file into longer spans."""

LEFT_SAMPLES: Final = LARGEST_CUT_MEMORY + 1
"""Samples needed before the window: what the first cut decision in it remembers, and the sample beside it."""


def margins_ms(sample_fps: float) -> tuple[int, int]:
    """Return how long before and after its span a chunk is read, for samples at least `sample_fps` apart.

    One period more than the samples take, since none of them lies exactly on the grid.
    """
    period_ms = 1000 / Fraction(str(sample_fps))
    return REACH_MS + ceil((LEFT_SAMPLES + 1) * period_ms), REACH_MS + ceil(2 * period_ms)


def span_ms(sample_fps: float) -> int:
    """Return the length of a span: whole minutes, long enough that the margins keep to their share."""
    return ceil(sum(margins_ms(sample_fps)) / MARGIN_SHARE / MINUTE_MS) * MINUTE_MS


def spans(duration_ms: int, length_ms: int) -> tuple[Span, ...]:
    """Cut [0, duration_ms) into half-open spans of `length_ms`; the last takes the rest.

    It is open to the right, because a file's stated duration is often wrong and no frame may be left out.
    """
    count = max(1, duration_ms // length_ms)
    ends = [length_ms * (index + 1) for index in range(count - 1)] + [LARGEST_T_MS]
    return tuple(Span(index=i, start_ms=length_ms * i, end_ms=end) for i, end in enumerate(ends))


def cut(duration_ms: int, sample_fps: float, *, seekable: bool) -> tuple[Span, ...]:
    """Return the chunks of a file; one that cannot be sought exactly is one chunk."""
    fitting_ms = ceil(duration_ms / MOST_CHUNKS / MINUTE_MS) * MINUTE_MS
    return spans(duration_ms if seekable else 0, max(fitting_ms, span_ms(sample_fps)))


def chunk(source: Source, plan: Plan, span: Span, captured_from_ms: int, run: int = 0) -> Chunk:
    """Return the work order for one span: where it is read, so that its margins hold what every window needs."""
    left_ms, right_ms = margins_ms(plan.sample_fps)
    return Chunk(
        stream=chunk_stream(source.source_id, source.life, span.index),
        source_id=source.source_id,
        life=source.life,
        index=span.index,
        url=source.url or "",
        fingerprint=plan.fingerprint,
        sample_fps=plan.sample_fps,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        read_from_ms=max(0, span.start_ms - left_ms),
        read_until_ms=min(LARGEST_T_MS, span.end_ms + right_ms),
        captured_from_ms=captured_from_ms,
        run=run,
    )

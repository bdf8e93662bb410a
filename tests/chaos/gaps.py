"""Times in which a camera was not sampled though nothing was in its way. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from tests.chaos.returns import CLOCK_OFF_MS, SAMPLED_WITHIN_SECONDS, Absence, Return, Sample, deadline_ms, moving

Span = tuple[int, int]
"""From when to when, in ms."""
MEDIA: Final = "media"


def gaps(
    samples: Mapping[str, Sequence[Sample]], returns: Sequence[Return], away: Sequence[Absence],
    within_seconds: float = SAMPLED_WITHIN_SECONDS,
) -> Iterator[str]:  # fmt: skip
    """Yield a line for every time between two samples of a camera of which more than `within_seconds`, and what its clock may be
    off, lie outside the faults that were on it, and outside the times when its owner may have been another, or nobody.

    While neither Kafka nor the disk takes a sample nobody has it.
    """
    within_ms = round(1000 * within_seconds)
    moved = moving(away)
    of_all = [(one.since_ms, one.until_ms + within_ms) for one in [*moved, *_neither_takes(away)]]
    for source_id, of_camera in samples.items():
        of_its_own = [
            (one.began_ms, deadline_ms(one, moved, within_seconds)) for one in returns if one.source_id == source_id
        ]  # fmt: skip
        excused = list(_merged([*of_all, *of_its_own]))
        for before_ms, after_ms in pairwise(sorted(sample.t_ms for sample in of_camera)):
            dark_ms = after_ms - before_ms - sum(_shared(span, (before_ms, after_ms)) for span in excused)
            if dark_ms > within_ms + CLOCK_OFF_MS:
                yield f"{source_id}: not sampled from {before_ms} to {after_ms}, {dark_ms / 1000:.1f} s of it without a reason"


def _neither_takes(away: Sequence[Absence]) -> Iterator[Absence]:
    for kafka in (one for one in away if one.service == "kafka"):
        for disk in (one for one in away if one.service == MEDIA):
            if _shared((kafka.since_ms, kafka.until_ms), (disk.since_ms, disk.until_ms)) > 0:
                yield Absence(MEDIA, max(kafka.since_ms, disk.since_ms), min(kafka.until_ms, disk.until_ms))


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    begins_ms, ends_ms = 0, -1
    for since_ms, until_ms in sorted(spans):
        if since_ms > ends_ms:
            if ends_ms >= 0:
                yield begins_ms, ends_ms
            begins_ms = since_ms
        ends_ms = max(ends_ms, until_ms)
    if ends_ms >= 0:
        yield begins_ms, ends_ms


def _shared(one: Span, other: Span) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))

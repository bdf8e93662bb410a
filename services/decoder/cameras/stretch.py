"""A stretch of a camera's recording, to be decoded again for a rebuild: the spans that gave its rows in the first place."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from schemas.limits import LARGEST_T_MS
from schemas.messages import Chunk
from schemas.recordings import Segment
from services.decoder.cameras.journals import BEFORE_MS, Journals
from services.decoder.cameras.spans import Fence, LostSpan, Noted, delivered, missed, recorded, spans
from services.decoder.plan import margins_ms

EVERY_RUN: Final = Fence(LARGEST_T_MS, 0, 0)
NO_RUN: Final = Fence(0, 0, 0)


@dataclass(frozen=True)
class Stretch:
    """The spans of a stretch, a smaller run before a larger one, and how many samples were noted in it: each was a row.

    Of what Kafka never took only what is recorded counts: where the rest was a row, the rows that are searched show it.
    """

    spans: tuple[LostSpan, ...]
    noted: int


def stretch(media: Path, chunk: Chunk) -> Stretch:
    """Look up what a chunk's span has shown. It lies so far back that all of it is known; raises `OSError`.

    What Kafka took is smoothed over what it took of its run, what it never took over the whole run (docs/decisions/0015).
    """
    left_ms, right_ms = margins_ms(chunk.sample_fps)
    journals = Journals(media, chunk.source_id, chunk.life)
    noted = journals.read(chunk.start_ms - left_ms - BEFORE_MS, chunk.end_ms + right_ms)
    there = {segment for segment in {one.segment for one in noted} if journals.is_recorded(segment)}
    unsent = [one for one in missed(noted, EVERY_RUN, NO_RUN, chunk.sample_fps) if one.segment in there]
    taken = delivered(noted, NO_RUN)
    inside = [one for one in (*unsent, *taken) if chunk.start_ms <= one.line.t_ms < chunk.end_ms]
    found = [
        *_spans(inside, unsent, noted, there, chunk.sample_fps),
        *_spans(inside, taken, taken, there, chunk.sample_fps),
    ]
    return Stretch(tuple(sorted(found, key=lambda span: span.lost[0].line.run)), len(inside))


def order_of(chunk: Chunk, span: LostSpan) -> Chunk:
    """Return the work order of a span inside a chunk's stretch."""
    reach = span.reach
    return msgspec.structs.replace(chunk, recorded=recorded(span), start_ms=reach.first_ms, end_ms=reach.last_ms + 1)


def _spans(
    inside: Iterable[Noted], some: Iterable[Noted], seen: Iterable[Noted], there: Collection[Segment], sample_fps: float
) -> Iterator[LostSpan]:
    """Yield the spans of those of `some` that lie inside and are recorded; their windows see what is recorded of `seen`."""
    of_these = set(some)
    wanted = [one for one in inside if one in of_these and one.segment in there]
    return spans(wanted, [one for one in seen if one.segment in there], sample_fps)

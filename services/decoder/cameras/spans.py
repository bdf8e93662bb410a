"""From journals to the spans that are caught up: which samples no reader will ever see, and what their windows need. Pure.

A window sees the samples of one run. A sample that Kafka never took is smoothed over all samples of its run; one that a consumer
lost, over those that Kafka took, as it would have been. So a row has one value, however the lost samples are cut into spans, and
catching a span up twice writes the same rows twice.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import accumulate, chain, pairwise
from math import inf
from typing import Final

from schemas.identity import recut_stream
from schemas.messages import Chunk, RecordedSamples, Source
from schemas.recordings import NOT_ACKNOWLEDGED, JournalLine, Segment
from services.decoder.plan import LEFT_SAMPLES, REACH_MS, span_ms

MOST_SAMPLES: Final = 5_000
"""A chunk names each of its samples, and is one record."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A line of a journal, and the segment that shows its picture."""

    segment: Segment
    line: JournalLine


@dataclass(frozen=True, slots=True)
class Fence:
    """A place in the log of `frames-live`: after it no reader takes a sample of a run below `below_run`."""

    below_run: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A record of a camera's stream as it lies in the log. `t_ms` is None for the mark that ends `run`."""

    run: int
    t_ms: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Offsets of one partition of `frames-live` that a consumer lost, both included."""

    partition: int
    first_offset: int
    last_offset: int


@dataclass(frozen=True, slots=True)
class LostVectors:
    """What a consumer lost of a partition of `embeddings-live`: no journal knows its offsets, but what came after it is there.

    `told_ms` is when it was told; 0 where nobody knows.
    """

    partition: int
    last_offset: int
    told_ms: int


@dataclass(frozen=True, slots=True)
class LostUntil:
    """All that was written to a partition up to a time: more than was lost, but the same rows are written again."""

    partition: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Reach:
    """A stretch of a timeline, both ends included: of one run, or of all that runs show there."""

    first_ms: int
    last_ms: int
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """A span that was caught up: where its lost samples lie, how many of them have rows, and the time of the last row."""

    reach: Reach
    rows: int
    last_t_ms: int | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """Samples of a span that was caught up which its recording did not show, and where they lie."""

    samples: int
    reach: Reach


@dataclass(frozen=True, slots=True)
class LostSpan:
    """Lost samples of one run, in a row, with the samples beside them that their windows need."""

    lost: tuple[Noted, ...]
    samples: tuple[Noted, ...]

    @property
    def reach(self) -> Reach:
        """From the first lost sample to the last."""
        return Reach(self.lost[0].line.t_ms, self.lost[-1].line.t_ms)


def missed(noted: Sequence[Noted], newest: Fence, first: Fence, sample_fps: float) -> list[Noted]:
    """Return the samples that no reader will take, as far as journals tell: of runs below the `newest` fence those of which Kafka
    has said nothing, and those that it took when their run was over, as a larger one or the `first` fence of the owner shows.

    What a run shows while a larger one lasts is not among them: its decoder did not know yet that the camera was another's.
    """
    runs = _by_run(noted)
    over, overtaken = over_at(_first_offsets(runs), first), _overtaken(runs, newest, sample_fps)
    return [one for one in noted if one.line.run < newest.below_run and one not in overtaken and not _is_taken(one.line, over)]


def delivered(noted: Sequence[Noted], first: Fence) -> list[Noted]:
    """Return the samples that readers have taken, as far as journals tell: what Kafka took before their run was over."""
    over = over_at(_first_offsets(_by_run(noted)), first)
    return [one for one in noted if _is_taken(one.line, over)]


def taken(heard: Iterable[Heard]) -> dict[tuple[int, int], int]:
    """Return the offsets of the samples, by run and time, that readers of the log take: none of a run that is over.

    `heard` is in the order of offsets. A decoder that has lost a camera may still deliver what it had sent before.
    """
    found: dict[tuple[int, int], int] = {}
    newest = over = -1
    for record in heard:
        if record.t_ms is None:
            over = max(over, record.run)
        elif record.run >= newest and record.run > over:
            newest = record.run
            found.setdefault((record.run, record.t_ms), record.offset)
    return found


def lost_to_consumers(noted: Iterable[Noted], lost: Sequence[Lost | LostUntil]) -> list[Noted]:
    """Return the samples whose records consumers have lost."""
    return [one for one in noted if any(_lies_in(one.line, span) for span in lost)]


def of_their_runs(done: Sequence[Done], noted: Iterable[Noted]) -> list[Done]:
    """Say of which run each span is that was caught up: of the one with a sample where the span begins, as its name says no more.

    Where an owner takes over from another, two runs show the same moments. A span that begins where nothing is noted any more
    stays one of all runs.
    """
    begins_ms = {span.reach.first_ms for span in done}
    runs: defaultdict[int, set[int]] = defaultdict(set)
    for one in noted:
        if one.line.t_ms in begins_ms:
            runs[one.line.t_ms].add(one.line.run)
    return [replace(span, reach=replace(span.reach, run=run)) for span in done for run in runs.get(span.reach.first_ms, (None,))]


def uncovered(noted: Iterable[Noted], covered: Iterable[Reach]) -> list[Noted]:
    """Return the samples that no span which was caught up reaches over."""
    stretches = _Stretches(covered)
    return [one for one in noted if one not in stretches]


def lying_in(noted: Iterable[Noted], reaches: Iterable[Reach]) -> list[Noted]:
    """Return the samples that lie in any of these stretches."""
    stretches = _Stretches(reaches)
    return [one for one in noted if one in stretches]


def spans(lost: Sequence[Noted], noted: Sequence[Noted], sample_fps: float) -> Iterator[LostSpan]:
    """Cut lost samples into spans, no longer than the chunks of a file; `noted` is what windows see, the lost ones among it."""
    length_ms = span_ms(sample_fps)
    runs = _by_run(noted)
    for run, of_run in _by_run(lost).items():
        beside = runs[run]
        place = {one.line.t_ms: index for index, one in enumerate(beside)}
        first = 0
        indexes = [place[one.line.t_ms] for one in of_run]
        for number, (index, following) in enumerate(pairwise([*indexes, -1]), 1):
            here_ms = beside[index].line.t_ms
            apart = following != index + 1 or beside[following].line.t_ms // length_ms != here_ms // length_ms
            if apart or number - first == MOST_SAMPLES:
                yield _with_margins(beside, indexes[first], index)
                first = number


def ripe(found: Sequence[LostSpan], noted: Sequence[Noted], below_run: int) -> list[LostSpan]:
    """Return the spans whose margins are complete: their run is over, or has gone beyond every window."""
    newest = {run: of_run[-1].line.t_ms for run, of_run in _by_run(noted).items()}
    return [
        span for span in found if (run := span.lost[0].line.run) < below_run or newest[run] >= span.reach.last_ms + 1 + REACH_MS
    ]


def oldest(found: Iterable[LostSpan], most_samples: int, *, last: Collection[int] = ()) -> list[LostSpan]:
    """Return the oldest spans, up to the one with which they name so many samples; those that begin at `last` come last."""
    in_order = sorted(found, key=lambda span: (span.reach.first_ms in last, span.reach.first_ms))
    before = accumulate((len(span.samples) for span in in_order), initial=0)
    return [span for span, samples in zip(in_order, before, strict=False) if samples < most_samples]


def not_shown(lost: Iterable[Noted], done: Iterable[Done]) -> Iterator[Lacking]:
    """Say of the spans that were caught up which of the `lost` samples have no row.

    Where the film breaks off they are the last ones of a span; else nobody knows which ones they are.
    """
    runs = _by_run(lost)
    of_run = {run: [one.line.t_ms for one in samples] for run, samples in runs.items()}
    of_all = sorted(chain.from_iterable(of_run.values()))
    for span in done:
        candidates = of_all if span.reach.run is None else of_run.get(span.reach.run, [])
        times_ms = candidates[bisect_left(candidates, span.reach.first_ms) : bisect_right(candidates, span.reach.last_ms)]
        if missing := max(0, len(times_ms) - span.rows):
            after_ms = [t_ms for t_ms in times_ms if span.last_t_ms is None or t_ms > span.last_t_ms]
            where = after_ms if len(after_ms) == missing else times_ms
            yield Lacking(missing, Reach(where[0], where[-1]))


def settled_ms(noted: Sequence[Noted], open_samples: Iterable[Noted]) -> int | None:
    """Return the start of the oldest segment that is still to be looked at: one with an open sample, or else the newest."""
    starts = [one.segment.start_ms for one in open_samples] or [one.segment.start_ms for one in noted[-1:]]
    return min(starts, default=None)


def recorded(span: LostSpan) -> tuple[RecordedSamples, ...]:
    """Name the samples of a span, those beside it too, by the segments that show them."""
    segments: defaultdict[Segment, list[int]] = defaultdict(list)
    for one in span.samples:
        segments[one.segment].append(one.line.t_ms)
    return tuple(
        RecordedSamples(start_ms=segment.start_ms, run=segment.run, times_ms=tuple(times)) for segment, times in segments.items()
    )


def span_chunk(source: Source, span: LostSpan, run: int = 0) -> Chunk:
    """Return the work order for a span: exactly these samples, those beside it as context."""
    return Chunk(
        stream=recut_stream(source.source_id, source.life, span.reach.first_ms),
        source_id=source.source_id,
        life=source.life,
        index=0,
        url="",
        fingerprint="",
        sample_fps=source.sample_fps,
        start_ms=span.reach.first_ms,
        end_ms=span.reach.last_ms + 1,
        read_from_ms=span.samples[0].line.t_ms,
        read_until_ms=span.samples[-1].line.t_ms + 1,
        captured_from_ms=0,
        recorded=recorded(span),
        run=run,
    )


def over_at(first_offsets: Mapping[int, float], first: Fence) -> dict[int, float]:
    """Return the offset after which no reader takes a sample of a run: a larger one has begun, or a mark has ended it.

    `first_offsets` are those of the runs, inf of one of which Kafka has said nothing.
    """
    found: dict[int, float] = {}
    begun_at = inf
    for run in sorted(first_offsets, reverse=True):
        found[run] = min(begun_at, first.offset) if run < first.below_run else begun_at
        begun_at = min(begun_at, first_offsets[run])
    return found


def _first_offsets(runs: Mapping[int, Sequence[Noted]]) -> dict[int, float]:
    return {
        run: min((one.line.offset for one in of_run if one.line.offset != NOT_ACKNOWLEDGED), default=inf)
        for run, of_run in runs.items()
    }


def _overtaken(runs: Mapping[int, Sequence[Noted]], newest: Fence, sample_fps: float) -> set[Noted]:
    """Return the samples whose moments a larger run has shown, or shows while it is not below the `newest` fence.

    A run shows half a period more than its samples: two clocks of one camera differ by little.
    """
    ends_ms = {run: of_run[-1].line.t_ms + 500 / sample_fps if run < newest.below_run else inf for run, of_run in runs.items()}
    to_come = sorted(((of_run[0].line.t_ms, run) for run, of_run in runs.items()), reverse=True)
    lasting: list[int] = []  # a heap of what has begun, the largest run first
    found: set[Noted] = set()
    for one in sorted(chain.from_iterable(runs.values()), key=lambda one: one.line.t_ms):
        while to_come and to_come[-1][0] <= one.line.t_ms:
            heappush(lasting, -to_come.pop()[1])
        while ends_ms[-lasting[0]] < one.line.t_ms:
            heappop(lasting)
        if -lasting[0] > one.line.run:
            found.add(one)
    return found


def _is_taken(line: JournalLine, over: Mapping[int, float]) -> bool:
    return line.offset != NOT_ACKNOWLEDGED and line.offset <= over[line.run]


class _Stretches:
    """Stretches of each run and of all runs, those that overlap as one: a long outage has thousands."""

    def __init__(self, reaches: Iterable[Reach]) -> None:
        self._begins_ms: defaultdict[int | None, list[int]] = defaultdict(list)
        self._ends_ms: defaultdict[int | None, list[int]] = defaultdict(list)
        for reach in sorted(reaches, key=lambda reach: reach.first_ms):
            begins_ms, ends_ms = self._begins_ms[reach.run], self._ends_ms[reach.run]
            if ends_ms and reach.first_ms <= ends_ms[-1]:
                ends_ms[-1] = max(ends_ms[-1], reach.last_ms)
            else:
                begins_ms.append(reach.first_ms)
                ends_ms.append(reach.last_ms)

    def __contains__(self, one: Noted) -> bool:
        return self._has(one.line.run, one.line.t_ms) or self._has(None, one.line.t_ms)

    def _has(self, run: int | None, t_ms: int) -> bool:
        place = bisect_right(self._begins_ms.get(run, ()), t_ms)
        return place > 0 and t_ms <= self._ends_ms[run][place - 1]


def _lies_in(line: JournalLine, lost: Lost | LostUntil) -> bool:
    if isinstance(lost, LostUntil):
        return line.partition == lost.partition and line.t_ms <= lost.until_ms
    return line.partition == lost.partition and lost.first_offset <= line.offset <= lost.last_offset


def _by_run(noted: Iterable[Noted]) -> dict[int, list[Noted]]:
    runs: defaultdict[int, list[Noted]] = defaultdict(list)
    for one in noted:
        runs[one.line.run].append(one)
    return {run: sorted(of_run, key=lambda one: one.line.t_ms) for run, of_run in runs.items()}


def _with_margins(beside: Sequence[Noted], first: int, last: int) -> LostSpan:
    """Add what windows reach, and on the left what their cut decisions remember; on the right one sample beyond."""
    begin, end = first, last + 1
    while begin > 0 and beside[begin - 1].line.t_ms >= beside[first].line.t_ms - REACH_MS:
        begin -= 1
    begin = max(0, begin - LEFT_SAMPLES)
    while end < len(beside) and beside[end - 1].line.t_ms < beside[last].line.t_ms + 1 + REACH_MS:
        end += 1
    return LostSpan(tuple(beside[first : last + 1]), tuple(beside[begin:end]))

"""One run of one stream: its samples, from the oldest that is still needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from schemas.errors import InvalidMessage
from services.indexer.core.cuts import CutDetector
from services.indexer.core.entry import Entry, RowSample, StreamEnd
from services.indexer.core.kernel import Vector, smooth, window_starts
from services.indexer.core.settings import Smoothing

Verdict = Literal["taken", "hole", "duplicate", "unknown"]

FROM_BEGINNING: Final = 1 << 40
BLOCK: Final = 64
"""Samples smoothed in one matrix product: more would mostly multiply zeros."""


@dataclass(slots=True)
class _Sample:
    offset: int  # of the record that carries the vector: an earlier one for a mark `same`
    timestamp_ms: int
    t_ms: int
    captured_ms: int
    context: bool
    part: int  # a run is divided into parts, and no window crosses from one to another
    known: int  # earlier samples of the unbroken sequence that were read; FROM_BEGINNING when all were
    begins: int  # first of an unbroken sequence: offset of the record that shows it; else -1
    vector: Vector


class Run:
    """Takes the records of a run in order, hands out what is final, and says which record it still needs.

    `evidence` is the offset of the record that shows where the run begins; None for a run entered in its middle. A stream that
    ends (a chunk) is needed whole until then, so that the count of its rows is right after a restart too, or until it is given
    up; `samples` is how many its end says that it has.
    """

    def __init__(self, first: Entry, smoothing: Smoothing, evidence: int | None, *, needed_whole: bool) -> None:
        headers = first.headers
        self.stream, self.source_id, self.life, self.number = headers.stream, headers.source_id, first.life, headers.run or 0
        self.closed = self.ended = self.released = False
        self.needed = first.offset if evidence is None else evidence
        self.needed_since_ms = self.last_timestamp_ms = first.timestamp_ms
        self.last_offset = first.offset
        self._smoothing, self._reach_ms = smoothing, smoothing.reach_ms
        self.needed_whole, self._whole = needed_whole, headers.seq == 0
        self.samples = 0
        self._last_seq = (headers.seq or 0) - 1
        self._last_t_ms: int | None = None
        self._samples: list[_Sample] = []
        self._final = self._newest = self._part = self._rows = 0
        self._last_row_t_ms: int | None = None
        self._evidence = evidence
        self._begins_unshown = first.offset if evidence == first.offset and headers.seq else None
        self._last: _Sample | None = None
        self._cuts = CutDetector(smoothing)

    @property
    def order(self) -> tuple[int, int]:
        """Of the runs of a stream the largest wins."""
        return self.life, self.number

    @property
    def begun_at(self) -> int | None:
        """Offset of its first record, while it is needed, where only its first reader could see that the run begins there."""
        at = self._begins_unshown
        return at if at is not None and self.needed <= at else None

    @property
    def established(self) -> bool:
        """Whether this run is more than a few late records: its beginning was read, or all that its next sample needs."""
        return self._evidence is not None or (self._last is not None and self._last.known > self._smoothing.cut_memory)

    def take(self, entry: Entry) -> Verdict:
        """Add the next record, or say why it is not the next. Raises `InvalidMessage` when time does not advance."""
        seq, t_ms = entry.headers.seq or 0, entry.headers.t_ms or 0
        if seq <= self._last_seq:
            return "duplicate"
        if self._last_t_ms is not None and t_ms <= self._last_t_ms:
            raise InvalidMessage(f"t_ms {t_ms} is not later than {self._last_t_ms}, the sample before it in run {self.number}")
        hole = seq != self._last_seq + 1
        if hole:
            self._break(self.last_offset)
            self._whole = False
        known = self._add(entry, t_ms)
        self._last_seq, self._last_t_ms = seq, t_ms
        self.last_offset, self.last_timestamp_ms = entry.offset, entry.timestamp_ms
        return "hole" if hole else "taken" if known else "unknown"

    def hand_out(self) -> Iterator[RowSample]:
        """Give what has become final, and let go of what no later sample needs."""
        stop = self._count_final()
        for sample in self._smoothed(self._final, stop, provisional=False):
            self._rows += 1
            self._last_row_t_ms = sample.t_ms
            yield sample
        self._final = stop
        self._let_go()

    def hand_out_newest(self) -> Iterator[RowSample]:
        """Give, once each, the samples that are not final yet, as they would be if the run ended here. Nothing of a chunk.

        Whether the whole support of a sample was read is known when it comes, so each of them gets its final row from this run.
        """
        begin, self._newest = max(self._newest, self._final), len(self._samples)
        if not self.needed_whole:
            yield from self._smoothed(begin, self._newest, provisional=True)

    def end(self) -> StreamEnd:
        """Sum up a stream that has ended and was handed out."""
        whole = self._whole and self._last_seq + 1 >= self.samples
        return StreamEnd(self.stream, self.source_id, self.life, self._rows, self._last_row_t_ms, whole)

    def clear(self) -> None:
        """Let go of all samples: nothing more comes of them."""
        self._samples.clear()
        self._last = None
        self._cuts = CutDetector(self._smoothing)

    def _break(self, evidence: int) -> None:
        """Begin anew with the next sample; the record at `evidence` shows why."""
        self._evidence, self._last = evidence, None
        self._part += 1

    def _add(self, entry: Entry, t_ms: int) -> bool:
        vector, offset = entry.vector, entry.offset
        if entry.headers.mark == "same":
            if self._last is None:  # what it repeats is not known here
                return False
            vector, offset = self._last.vector, self._last.offset
        elif vector is None:
            self._break(entry.offset)
            return False
        # Without smoothing nothing reaches over gaps, and each step would be one: two late samples would show a beginning.
        if self._reach_ms and self._last_t_ms is not None and t_ms - self._last_t_ms > self._reach_ms:
            self._break(self.last_offset)
        self._append(entry, t_ms, vector, offset)
        return True

    def _append(self, entry: Entry, t_ms: int, vector: Vector, offset: int) -> None:
        last, begins = self._last, -1
        if last is None:
            self._cuts = CutDetector(self._smoothing)
            known = 0 if self._evidence is None else FROM_BEGINNING
            begins = -1 if self._evidence is None else self._evidence
        else:
            known = last.known + 1
            distance = 1.0 - float(np.dot(last.vector, vector))
            self._part += self._cuts.is_cut(distance, from_beginning=known > FROM_BEGINNING)
        headers = entry.headers
        self._last = _Sample(
            offset, entry.timestamp_ms, t_ms, headers.captured_ms, headers.context, self._part, known, begins, vector
        )
        self._samples.append(self._last)

    def _count_final(self) -> int:
        """A sample is final when the run has gone beyond its window, or its part is over."""
        stop, samples = self._final, self._samples
        everything = self.closed or self._reach_ms == 0
        horizon_ms = (self._last_t_ms or 0) - self._reach_ms
        while stop < len(samples) and (everything or samples[stop].t_ms < horizon_ms or samples[stop].part != self._part):
            stop += 1
        return stop

    def _smoothed(self, begin: int, stop: int, *, provisional: bool) -> Iterator[RowSample]:
        """Smooth samples over what is known of their parts; of those whose whole support was not read nothing comes."""
        for start in range(begin, stop, BLOCK):
            for sample, vector in self._smoothed_block(slice(start, min(start + BLOCK, stop))):
                yield RowSample(self.stream, self.source_id, self.life, sample.t_ms, sample.captured_ms, vector, provisional)

    def _smoothed_block(self, block: slice) -> Iterator[tuple[_Sample, Vector]]:
        if all(sample.context for sample in self._samples[block]):
            return
        samples = self._samples
        times_ms = np.array([sample.t_ms for sample in samples])
        parts = np.array([sample.part for sample in samples])
        starts = window_starts(times_ms, parts, block, self._reach_ms)
        vectors = self._window(block, times_ms, parts, int(starts[0]))
        for sample, start, vector in zip(samples[block], starts.tolist(), vectors, strict=True):
            if not sample.context and samples[start].known > self._smoothing.cut_memory:
                yield sample, vector

    def _window(self, block: slice, times_ms: np.ndarray, parts: np.ndarray, first: int) -> Vector:
        end = int(np.searchsorted(times_ms, times_ms[block.stop - 1] + self._reach_ms, side="right"))
        vectors = np.stack([sample.vector for sample in self._samples[first:end]])
        wanted = slice(block.start - first, block.stop - first)
        if self._reach_ms == 0:
            return vectors[wanted]
        return smooth(times_ms[first:end], parts[first:end], vectors, wanted, self._smoothing.sigma_seconds, self._reach_ms)

    def _let_go(self) -> None:
        """Keep what the first unfinished sample, or the next unread one, needs: its window and `cut_memory` + 1 before it."""
        if self._final == len(self._samples) and self._last is None:
            keep = self._final
            needed = self.needed if self._evidence is None else self._evidence
            self.needed_since_ms = self.last_timestamp_ms
        else:
            keep = self._oldest_needed()
            oldest = self._samples[keep]
            needed = oldest.offset if oldest.begins < 0 else min(oldest.offset, oldest.begins)
            self.needed_since_ms = oldest.timestamp_ms
        del self._samples[:keep]
        self._final -= keep
        self._newest -= keep
        if not self.needed_whole:
            self.needed = needed

    def _oldest_needed(self) -> int:
        samples = self._samples
        next_up = samples[min(self._final, len(samples) - 1)]
        start = 0
        while samples[start].part != next_up.part or samples[start].t_ms < next_up.t_ms - self._reach_ms:
            start += 1
        keep = start
        while keep > 0 and start - keep <= self._smoothing.cut_memory and samples[keep].begins < 0:
            keep -= 1
        return keep

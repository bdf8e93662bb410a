"""All streams of one partition, fed strictly in offset order."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from schemas.errors import InvalidMessage
from schemas.producer_clock import is_run_of_a_camera
from schemas.topics import DAY_MS, HOUR_MS
from services.indexer.core.entry import Entry, RowSample, StreamEnd
from services.indexer.core.frames import BEGINNING, FramesRead, Place
from services.indexer.core.heap import RunHeap
from services.indexer.core.offsets import HeldOffsets
from services.indexer.core.run import Run
from services.indexer.core.settings import Smoothing

QUIET_MS: Final = DAY_MS
GIVEN_UP_MS: Final = HOUR_MS
"""A chunk that has shown nothing for so long holds no commit: its worker has given it up, and the next one begins anew."""
ENDED_REMEMBERED: Final = 4096
"""Ends of streams that are remembered, so that late repeats are dropped and not computed again."""

Count = Literal["duplicate", "older_run", "hole", "unknown", "after_end"]


@dataclass(frozen=True, slots=True)
class _Ended:
    order: tuple[int, int]
    offset: int
    how: Literal["named", "unnamed", "quiet"]


class Drained(NamedTuple):
    """Final samples, and the streams whose last row is among them or before them.

    `provisional` are samples of cameras that are not final yet, each given once: nothing is lost when they are not written.
    """

    rows: list[RowSample]
    ends: list[StreamEnd]
    provisional: list[RowSample]


class PartitionIndex:
    """Samples and marks of one partition in, final samples and ended streams out, and the offset that may be committed.

    `resumed`: this group has read what lies before `start`, so a stream first seen in its middle was begun by an earlier reader.
    Otherwise the first sample that is seen of a stream is a beginning. `frames` are those that were read before `start`, and
    `processed` is one past the last record that any earlier reader has processed; None: nobody has said it. `cut`: what earlier
    readers held has left the log. `begun` are records with which, as the first reader of them saw, a run begins.

    A repeat of a run that is open is known by its number. Of one that is over nothing is known any more: that a frame was read
    before keeps it from beginning anew.
    """

    def __init__(
        self,
        smoothing: Smoothing,
        start: int,
        *,
        resumed: bool,
        frames: Place = BEGINNING,
        processed: int | None = None,
        cut: bool = False,
        begun: Collection[int] = (),
    ) -> None:
        self.counts: Counter[Count] = Counter()
        self.next_offset = start
        self._timestamp_ms = 0
        self._frames = FramesRead(frames)
        self._smoothing, self._resumed, self._processed_before, self._cut = smoothing, resumed, processed, cut
        self._begun_before = frozenset(begun)
        self._runs: dict[str, Run] = {}
        self._ended: OrderedDict[str, _Ended] = OrderedDict()
        self._held = HeldOffsets()
        self._touched: defaultdict[str, dict[Run, None]] = defaultdict(dict)
        self._rows: list[RowSample] = []
        self._ends: list[StreamEnd] = []
        self._quiet = RunHeap()

    @property
    def processed(self) -> int:
        """One past the last record that was processed, here or by an earlier reader whose place was not reached again yet."""
        return max(self.next_offset, self._processed_before or 0)

    def feed(self, entry: Entry) -> None:
        """Take the next record. Raises `InvalidMessage` for one that contradicts those before it, and goes on without it."""
        self.next_offset = entry.offset + 1
        self._timestamp_ms = entry.timestamp_ms
        self._close_quiet(entry.timestamp_ms)
        repeated = self._frames.repeats(entry)
        if entry.headers.mark in ("run_end", "stream_end"):
            self._end(entry, repeated=repeated)
        elif entry.headers.run is None:
            self._take_alone(entry)
        else:
            self._take(entry, repeated=repeated)

    def drain(self) -> Drained:
        """Return what has become final since the last call, and what has come and is not final yet."""
        provisional: list[RowSample] = []
        for source_id, runs in self._touched.items():
            self._hand_out(source_id)
            for run in runs:
                provisional.extend(run.hand_out_newest())
        self._touched.clear()
        drained = Drained(self._rows, self._ends, provisional)
        self._rows, self._ends = [], []
        return drained

    def safe_offset(self) -> int:
        """Return what may be committed once everything drained is durable: the oldest record that is still needed."""
        assert not self._rows
        assert not self._ends
        self._held.let_go_given_up(self._timestamp_ms - GIVEN_UP_MS)
        return self._held.lowest(self.next_offset)

    def frames_before(self, offset: int) -> Place:
        """Return what a reader that begins at `offset`, a safe offset, has to know of the frames before it."""
        return self._frames.before(offset)

    def begun(self) -> tuple[int, ...]:
        """Return the records with which runs begin, without showing it, that are held or were not reached again yet."""
        mine = (run.begun_at for run in self._runs.values())
        held = {offset for offset in mine if offset is not None}
        return tuple(sorted(held | {offset for offset in self._begun_before if offset >= self.next_offset}))

    def held_since_ms(self) -> int | None:
        """Return the Kafka timestamp of the oldest record that a run holds; None when nothing is held."""
        oldest = self._held.oldest()
        return None if oldest is None else oldest.needed_since_ms

    def forget(self, source_id: str, life: int) -> None:
        """Let go of a source's streams of this life and earlier ones: nothing of them will be written."""
        for run in [run for run in self._runs.values() if run.source_id == source_id and run.life <= life]:
            self._abandon(run)

    def _take_alone(self, entry: Entry) -> None:
        headers = entry.headers
        if not headers.context and entry.vector is not None and headers.t_ms is not None:
            row = RowSample(
                headers.stream, headers.source_id, entry.life, headers.t_ms, headers.captured_ms, entry.vector,
                replayed=headers.replayed,
            )  # fmt: skip
            self._hand_out(headers.source_id)  # of two values of a moment the later one stands, in one batch as in two
            self._rows.append(row)

    def _hand_out(self, source_id: str) -> None:
        """Give what has become final of a source's runs, and let go of those that are closed."""
        touched = self._touched.get(source_id, {})
        for run in list(touched):
            self._rows.extend(run.hand_out())
            if run.ended:
                self._ends.append(run.end())
            if run.closed:
                del touched[run]
                run.released = True
                run.clear()

    def _take(self, entry: Entry, *, repeated: bool) -> None:
        order = (entry.life, entry.headers.run or 0)
        run = self._runs.get(entry.headers.stream)
        if run is not None and order < run.order and (repeated or not _has_a_clock_set_since(run.order, entry)):
            return self._drop(run, entry, "older_run")
        if run is None or order != run.order:
            if repeated:
                self.counts["duplicate"] += 1
                return None
            if run is None and (self._is_over(entry, order) or self._is_late_tail(entry, order)):
                return None
            run = self._begin(entry, run)
        return self._add(run, entry)

    def _add(self, run: Run, entry: Entry) -> None:
        try:
            verdict = run.take(entry)
        except InvalidMessage:
            self._held.dropped(run.last_offset, entry.offset)
            raise
        if verdict == "duplicate":
            return self._drop(run, entry, verdict)
        if verdict != "taken":
            self.counts[verdict] += 1
        self._touched[run.source_id][run] = None
        return None

    def _drop(self, run: Run, entry: Entry, why: Count) -> None:
        self.counts[why] += 1
        self._held.dropped(run.last_offset, entry.offset)

    def _is_over(self, entry: Entry, order: tuple[int, int]) -> bool:
        ended = self._ended.get(entry.headers.stream)
        if ended is None or order > ended.order or self._is_repeat_of_unnamed(entry, ended, order):
            return False
        if _has_a_clock_set_since(ended.order, entry):
            return False
        if ended.how == "quiet":
            raise InvalidMessage(f"run {order[1]} was silent for a day and is closed: begin a new, larger run with seq 0")
        self.counts["after_end"] += 1
        self._held.dropped(ended.offset, entry.offset)
        return True

    @staticmethod
    def _is_repeat_of_unnamed(entry: Entry, ended: _Ended, order: tuple[int, int]) -> bool:
        """Whether a run begins again that a repeated `run_end` without a run may have ended too early."""
        return ended.how == "unnamed" and order == ended.order and entry.headers.seq == 0

    def _is_late_tail(self, entry: Entry, order: tuple[int, int]) -> bool:
        """Whether this is the rest of a chunk that has all its rows: the log begins in it, or a slow worker still sends it.

        Its first rows would be cut off there, and its end may never come.
        """
        late = entry.done and entry.headers.seq != 0
        if late:
            self.counts["after_end"] += 1
            self._remember(entry.headers.stream, _Ended(order, entry.offset, "named"))
        return late

    def _begin(self, entry: Entry, older: Run | None) -> Run:
        run = Run(entry, self._smoothing, self._evidence(entry, older), needed_whole="/" in entry.headers.stream)
        if older is not None:
            self._close(older)
        self._runs[run.stream] = run
        self._held.hold(run)
        if entry.closes_when_quiet:
            self._quiet.push(entry.timestamp_ms, run)
        return run

    def _evidence(self, entry: Entry, older: Run | None) -> int | None:
        """Return the offset of the record that shows that a run begins with `entry`; None: it may have begun before."""
        if entry.headers.seq == 0 or entry.offset in self._begun_before:
            return entry.offset
        if older is not None and older.established:
            return older.needed
        if entry.headers.stream in self._ended or not self._resumed or self._is_new_to_all(entry):
            return entry.offset
        return None

    def _is_new_to_all(self, entry: Entry) -> bool:
        """Whether no earlier reader had the run that is seen first here: it begins, and what came before was lost on its way.

        A reader holds a record of each run that is open, and that lies before what it has processed, unless it was cut off. Of a
        chunk that was given up nothing is held, and it is asked for again; what names no frame may be a late repeat of a run that
        is over.
        """
        headers, before = entry.headers, self._processed_before
        is_known = "/" not in headers.stream and headers.frame_offset is not None
        return is_known and not self._cut and before is not None and entry.offset >= before

    def _end(self, entry: Entry, *, repeated: bool) -> None:
        headers = entry.headers
        run = self._runs.get(headers.stream)
        if repeated and (run is None or headers.run is None):
            self.counts["duplicate"] += 1
            return None
        order = (entry.life, headers.run if headers.run is not None else run.number if run else 0)
        if run is not None and order < run.order:
            return self._drop(run, entry, "older_run")
        if run is None and self._is_over(entry, order):
            return None
        if headers.mark == "stream_end":
            self._end_stream(entry, run)
        if run is not None and headers.mark == "run_end" and headers.rebuild and headers.lacks is not None:
            self._abandon(run)
        elif run is not None:
            self._close(run)
        if run is not None or headers.run is not None or headers.mark == "stream_end":
            named = headers.run is not None or headers.mark == "stream_end"
            self._remember(headers.stream, _Ended(order, entry.offset, "named" if named else "unnamed"))
        return None

    def _end_stream(self, entry: Entry, run: Run | None) -> None:
        headers = entry.headers
        if run is not None:
            run.ended, run.samples = True, headers.samples or 0
        else:
            whole = headers.samples == 0
            self._ends.append(StreamEnd(headers.stream, headers.source_id, entry.life, 0, None, whole))

    def _abandon(self, run: Run) -> None:
        """Let go of a run of which nothing more is final: what its windows lack will not come."""
        del self._runs[run.stream]
        run.released = True
        run.clear()
        self._touched[run.source_id].pop(run, None)

    def _close(self, run: Run) -> None:
        run.closed = True
        del self._runs[run.stream]
        self._touched[run.source_id][run] = None

    def _remember(self, stream: str, ended: _Ended) -> None:
        self._ended[stream] = ended
        self._ended.move_to_end(stream)
        if len(self._ended) > ENDED_REMEMBERED:
            self._ended.popitem(last=False)

    def _close_quiet(self, timestamp_ms: int) -> None:
        """Close the runs of push sources of which this partition has shown nothing for a day."""
        while (first := self._quiet.first()) is not None and first[0] <= timestamp_ms - QUIET_MS:
            at_ms, run = first
            if run.last_timestamp_ms > at_ms:
                self._quiet.move(run.last_timestamp_ms)
                continue
            self._quiet.pop()
            if not run.closed:
                self._remember(run.stream, _Ended(run.order, run.last_offset, "quiet"))
                self._close(run)


def _has_a_clock_set_since(before: tuple[int, int], entry: Entry) -> bool:
    """Whether the run of `before` was begun by a clock that was ahead by more than a year, and this entry of a camera, of the
    same life, by one that is right: the smaller run is the newer one.
    """
    if entry.life != before[0] or entry.closes_when_quiet or "/" in entry.headers.stream:
        return False
    now_ms = entry.timestamp_ms
    return is_run_of_a_camera(entry.headers.run or 0, now_ms) and not is_run_of_a_camera(before[1], now_ms)

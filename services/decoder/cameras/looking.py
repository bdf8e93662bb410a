"""One look at what a camera has noted and the log has taken: which samples are lost to every reader. It blocks."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf
from pathlib import Path
from typing import Final

from schemas.errors import InvalidMessage
from schemas.headers import decode_frame_headers
from schemas.messages import Source
from schemas.producer_clock import is_run_of_a_camera
from schemas.recordings import NOT_ACKNOWLEDGED, Segment
from schemas.topics import EMBEDDINGS_LIVE, FRAMES_LIVE
from services.decoder.cameras.glance import Glance
from services.decoder.cameras.journals import BEFORE_MS, Journals
from services.decoder.cameras.spans import (
    Done,
    Fence,
    Heard,
    Lacking,
    Lost,
    LostSpan,
    LostUntil,
    LostVectors,
    Noted,
    Reach,
    delivered,
    lost_to_consumers,
    lying_in,
    missed,
    not_shown,
    of_their_runs,
    oldest,
    ripe,
    settled_ms,
    spans,
    taken,
    uncovered,
)
from services.decoder.reports import now_ms
from streaming.logs import get_logger
from streaming.passage import read_passage, written_ms
from streaming.records import Partition, Record

CLOCKS_APART_MS: Final = 60_000
"""Nothing is written to the log this long before it was taken: clocks of cameras and machines lie closer together."""

LATE_MS: Final = 1_800_000
"""So long what was noted stays open: a decoder that was frozen writes on when it wakes, as if the camera were its own."""

MOST_AT_ONCE: Final = 15_000
"""So many samples of a camera are dealt before the next are: some 4 MB, which all cameras hold at once after a long outage."""

log = get_logger("catching-up")


@dataclass(frozen=True)
class Question:
    """What is asked about one camera. `done` was caught up already and `gone` cannot be; `lost` is what consumers have lost.

    `told` has been said to lack samples.
    """

    source: Source
    first_fence: Fence
    fence: Fence
    done: tuple[Done, ...]
    gone: tuple[Reach, ...]
    told: frozenset[Lacking]
    lost: tuple[Lost | LostVectors, ...]
    stuck: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Found:
    """`spans` are to be caught up, the oldest first; `gone` is recorded no more and `lacking` was never shown, both to be told.

    Of what is `unsure` nobody knows any more whether Kafka took it. `waiting` is how many lost samples come after these spans.
    `all_ripe`: nothing waits for margins that are still to come.
    """

    spans: tuple[LostSpan, ...]
    gone: tuple[Reach, ...]
    lacking: tuple[Lacking, ...]
    unsure: frozenset[Reach]
    waiting: int
    all_ripe: bool


NOTHING: Final = Found((), (), (), frozenset(), 0, all_ripe=True)


def look(question: Question, media: Path, kafka: str) -> Found:
    """Answer, and write down how far everything is settled; raises `OSError` where nothing can be read, and `Unavailable`."""
    source, fence = question.source, question.fence
    journals = Journals(media, source.source_id, source.life)
    from_ms = None if question.lost else journals.settled_ms()
    read_from_ms = None if from_ms is None else from_ms - BEFORE_MS
    if not question.lost and _all_is_taken(question, journals, read_from_ms):
        return NOTHING
    read = journals.read(read_from_ms)
    # A run of a clock that was far ahead has given way to smaller ones.
    read = [one for one in read if is_run_of_a_camera(one.line.run, now_ms())]
    done = of_their_runs(question.done, read)
    covered = [*(span.reach for span in done), *question.gone]
    noted = _completed(question, read, covered, from_ms, journals, kafka)
    never_taken = _missed(question, noted, from_ms)
    unsent = uncovered(never_taken, covered)
    taken_in_time = delivered(noted, question.first_fence)
    told = [_until(one, kafka) if isinstance(one, LostVectors) else one for one in question.lost]
    lost = lost_to_consumers(taken_in_time, told)
    surely_lost = set(lost_to_consumers(taken_in_time, [one for one in told if isinstance(one, Lost)]))
    expired = uncovered(lost, covered)
    never_read = dict.fromkeys((*never_taken, *lost))
    lacking = [one for one in not_shown(never_read, done) if one not in question.told]
    there = _recorded(noted, journals)
    # Of what may be lost up to some time most is in the index: it is decoded again where it can be, and else nothing is said.
    gone = [one for one in (*unsent, *(one for one in expired if one in surely_lost)) if one.segment not in there]
    found = [
        *spans(_of(unsent, there), _of(noted, there), source.sample_fps),
        *spans(_of(expired, there), _of(taken_in_time, there), source.sample_fps),
    ]
    ready = ripe(found, noted, fence.below_run)
    dealt = oldest(ready, MOST_AT_ONCE, last=question.stuck)
    waiting = sum(len(span.lost) for span in ready) - sum(len(span.lost) for span in dealt)
    reaches = tuple(_reaches(gone, noted))
    unsure = _unsure([*reaches, *(one.reach for one in lacking)], never_taken, kafka, fence)
    untold = (*gone, *lying_in(noted, [one.reach for one in lacking]))
    with _unless_disk_refuses(source):
        _settle(journals, noted, [*(one for span in found for one in span.lost), *untold], fence)
    return Found(tuple(dealt), reaches, tuple(lacking), unsure, waiting, all_ripe=len(ready) == len(found))


def _all_is_taken(question: Question, journals: Journals, from_ms: int | None) -> bool:
    """Whether a glance shows that readers have taken all of it; it is settled then."""
    glance, at_ms = Glance(), now_ms()
    for segment, lines in journals.each(from_ms):
        for line in lines:
            if not is_run_of_a_camera(line.run, at_ms):
                return False
            glance.see(segment, line)
    if not glance.shows_all_taken(question.fence, question.first_fence):
        return False
    with _unless_disk_refuses(question.source):
        _settle_before(journals, glance.open_from_ms(question.fence.below_run))
    return True


def _missed(question: Question, noted: Sequence[Noted], from_ms: int | None) -> list[Noted]:
    """Return what is missed of segments that are not settled; those before show what larger runs have shown."""
    found = missed(noted, question.fence, question.first_fence, question.source.sample_fps)
    return [one for one in found if from_ms is None or one.segment.start_ms >= from_ms]


def _completed(
    question: Question, noted: list[Noted], covered: Sequence[Reach], from_ms: int | None, journals: Journals, kafka: str
) -> list[Noted]:
    """Look up in the log what Kafka took though nobody has heard of it: its decoder was killed, or lost the camera."""
    source, fence = question.source, question.fence
    unsure = uncovered(_missed(question, noted, from_ms), covered)
    if not unsure:
        return noted
    partition = Partition(FRAMES_LIVE.name, fence.partition)
    from_ms = min(one.line.t_ms for one in unsure) - CLOCKS_APART_MS
    offsets = taken(_heard(read_passage(kafka, partition, from_ms, fence.offset), source))
    found = [one for one in unsure if (one.line.run, one.line.t_ms) in offsets]
    with _unless_disk_refuses(source):
        journals.complete(found, offsets, fence.partition)
    placed = {
        one: replace(one, line=replace(one.line, partition=fence.partition, offset=offsets[one.line.run, one.line.t_ms]))
        for one in found
    }
    return [placed.get(one, one) for one in noted]


def _until(lost: LostVectors, kafka: str) -> LostUntil:
    """A vector bears the time at which Kafka took its frame, so the oldest one that is left says until when all may be lost.

    None was lost after it was told, which a later owner reads when what came after it has left the log too. The clock of a camera
    or of its decoder may be ahead of Kafka's.
    """
    left_ms = written_ms(kafka, Partition(EMBEDDINGS_LIVE.name, lost.partition), lost.last_offset + 1)
    until_ms = now_ms() if left_ms is None else left_ms
    return LostUntil(lost.partition, (min(until_ms, lost.told_ms) if lost.told_ms else until_ms) + CLOCKS_APART_MS)


def _unsure(reaches: Sequence[Reach], never_taken: Iterable[Noted], kafka: str, fence: Fence) -> frozenset[Reach]:
    """Return the stretches with a sample of which nobody has heard and which the log may have held and does not any more.

    A decoder that is killed leaves samples that Kafka took and the journal does not show so; the log tells for some hours.
    """
    unheard = [one for one in lying_in(never_taken, reaches) if one.line.offset == NOT_ACKNOWLEDGED]
    if not unheard:
        return frozenset()
    told_from_ms = _log_begins_ms(kafka, Partition(FRAMES_LIVE.name, fence.partition), fence.offset) + CLOCKS_APART_MS
    left_ms = sorted(one.line.t_ms for one in unheard if one.line.t_ms < told_from_ms)
    return frozenset(reach for reach in reaches if bisect_left(left_ms, reach.first_ms) < bisect_right(left_ms, reach.last_ms))


def _log_begins_ms(kafka: str, partition: Partition, through_offset: int) -> float:
    """Return when Kafka took the oldest record that is left; −inf where none has left the log, inf where all have."""
    oldest_left = next(read_passage(kafka, partition, 0, through_offset), None)
    if oldest_left is None:
        return inf
    return oldest_left.timestamp_ms if oldest_left.offset > 0 else -inf


def _heard(records: Iterable[Record], source: Source) -> Iterator[Heard]:
    key = source.source_id.encode()
    for record in records:
        if record.key != key:
            continue
        try:
            headers = decode_frame_headers(record.headers)
        except InvalidMessage:
            continue
        if headers.stream == source.source_id and headers.life == source.life and headers.run is not None:
            yield Heard(headers.run, headers.t_ms, record.offset)


def _recorded(noted: Iterable[Noted], journals: Journals) -> set[Segment]:
    return {segment for segment in {one.segment for one in noted} if journals.is_recorded(segment)}


def _of(noted: Iterable[Noted], segments: set[Segment]) -> list[Noted]:
    return [one for one in noted if one.segment in segments]


def _settle(journals: Journals, noted: Sequence[Noted], lost: Sequence[Noted], fence: Fence) -> None:
    """Write down how far all is settled. What was lost is open until it is caught up or told, what is on its way to Kafka too.

    Whoever looks may have been frozen itself, with a larger run begun meanwhile: of late samples the next owner is the judge.
    """
    on_its_way = [one for one in noted if one.line.offset == NOT_ACKNOWLEDGED and one.line.run >= fence.below_run]
    _settle_before(journals, settled_ms(noted, (*lost, *on_its_way)))


def _settle_before(journals: Journals, start_ms: int | None) -> None:
    if start_ms is not None:
        journals.settle(min(start_ms, now_ms() - LATE_MS))


@contextmanager
def _unless_disk_refuses(source: Source) -> Iterator[None]:
    """What cannot be written is found again at the next look: a full disk holds up nothing."""
    try:
        yield
    except OSError as error:
        log.warning("not settled", source_id=source.source_id, reason=error.strerror)


def _reaches(gone: Sequence[Noted], noted: Sequence[Noted]) -> Iterator[Reach]:
    """Join what lies side by side."""
    place = {(one.line.run, one.line.t_ms): index for index, one in enumerate(noted)}
    in_order = sorted(place[one.line.run, one.line.t_ms] for one in gone)
    for _, group in groupby(enumerate(in_order), key=lambda pair: pair[1] - pair[0]):
        indexes = [index for _, index in group]
        yield Reach(noted[indexes[0]].line.t_ms, noted[indexes[-1]].line.t_ms)

"""Catching up cameras: what Kafka never took, or a consumer has lost, is dealt as spans of the recording to be decoded again.

A capture that begins a run shows that Kafka takes records; a moment later its camera's journals are looked at. What is found is
dealt like chunks of files, and done when `chunk-status` lists it: any worker decodes it, a crash repeats it, and the next owner
of the camera goes on with what is left.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.messages import Chunk, ChunkStatus, Recut, Source
from schemas.recordings import on_calendar
from schemas.topics import EMBEDDINGS_LIVE, FRAMES_LIVE
from services.decoder import metrics as m
from services.decoder.cameras.capture import Capture
from services.decoder.cameras.looking import Found, Question, look
from services.decoder.cameras.spans import Done, Fence, Lacking, Lost, LostSpan, LostVectors, Reach, span_chunk
from services.decoder.dealing import Dealer
from services.decoder.finished import Finished, span_began_ms
from services.decoder.reruns import Reruns
from streaming.errors import Unavailable
from streaming.logs import get_logger
from streaming.metrics import Metrics

SETTLING_SECONDS: Final = 6.0
"""By then what was noted is in the film: a fragment is written every half a second, and a silent camera is left after 5 s."""
UNRIPE_SECONDS: Final = 15.0
AGAIN_SECONDS: Final = 5.0
DEAL_AGAIN_SECONDS: Final = 600.0
"""A span that is not done by then was lost with its worker's disk: it is dealt again, which changes nothing if it was not."""

AFTER_A_CHANGE_SECONDS: Final = 60.0
"""A run that has begun is looked at once more after this: by then the owner before has woken, if it was frozen."""
LOOK_EVERY_SECONDS: Final = 600.0
"""So that the next owner has little to read: how far all is settled is written down at each look."""
LIVE_TOPICS: Final = frozenset((FRAMES_LIVE.name, EMBEDDINGS_LIVE.name))

log = get_logger("catching-up")


@dataclass
class _Camera:
    """What is known of one camera. `fence` stands for so long that what was noted before it can be read, `coming` not yet."""

    capture: Capture
    lost: list[Lost | LostVectors]
    fence: Fence | None = None
    coming: Fence | None = None
    comes_at: float = 0.0
    look_at: float | None = None
    looks_once_more: bool = False
    looking: Future[Found] | None = None
    asked: tuple[Lost | LostVectors, ...] = ()
    spans: dict[int, LostSpan] = field(default_factory=dict)
    waiting: int = 0
    deal_again_at: float = 0.0
    done: dict[int, Done] = field(default_factory=dict)
    gone: list[Reach] = field(default_factory=list)
    told: set[Lacking] = field(default_factory=set)


class CatchingUp:
    """For the cameras that a process captures. All of it is called from the loop's thread; looks are taken on another."""

    def __init__(
        self, kafka: str, media: Path, finished: Finished, dealer: Dealer, metrics: Metrics, recuts: Sequence[Recut] = ()
    ) -> None:
        self._kafka, self._media, self._finished, self._dealer, self._metrics = kafka, media, finished, dealer, metrics
        self._recuts = [recut for recut in recuts if recut.topic in LIVE_TOPICS]
        self._cameras: dict[str, _Camera] = {}
        self._pool = ThreadPoolExecutor(1, "catching-up")

    def follow(self, captures: Mapping[str, Capture]) -> None:
        """Look where it is time for it, and deal what was found; of cameras that are another's now nothing is dealt."""
        for source_id in [source_id for source_id, camera in self._cameras.items() if captures.get(source_id) != camera.capture]:
            self._forget(source_id)
        for source_id, capture in captures.items():
            if capture.source.record:
                if source_id not in self._cameras:
                    self._cameras[source_id] = _Camera(capture, _lost(self._recuts, capture.source))
                self._advance(self._cameras[source_id])
        self._metrics.of(m.MISSED).set(sum(_missed_samples(camera) for camera in self._cameras.values()))

    def recut(self, recut: Recut) -> None:
        """Look for what a consumer has lost of the live lane; what it has lost of the bulk lane is dealt again."""
        if recut.topic in LIVE_TOPICS:
            self._recuts.append(recut)
        for source_id, camera in self._cameras.items():
            if recut.topic not in LIVE_TOPICS:
                if recut.source_id in (None, source_id):
                    self._deal(source_id, camera)
            elif lost := _lost([recut], camera.capture.source):
                camera.lost += lost
                camera.look_at = time.monotonic()

    def done(self, status: ChunkStatus) -> None:
        """Take a span out of what is waited for; when it was the last, look whether there is more.

        It is done as far as its rows reach: an order of the same name, dealt by an owner before, may end elsewhere. Where the
        film breaks off, the rest becomes a span of its own, and is called lacking when it has no row at all.
        """
        camera = self._cameras.get(status.source_id)
        first_ms = span_began_ms(status.stream)
        if camera is None or first_ms is None or status.life != camera.capture.source.life or first_ms not in camera.spans:
            return
        span = camera.spans.pop(first_ms)
        last_ms = span.reach.last_ms if status.last_t_ms is None else status.last_t_ms
        camera.done[first_ms] = Done(Reach(first_ms, last_ms), status.rows, status.last_t_ms)
        self._dealer.done(status.source_id, first_ms)
        if not camera.spans:
            log.info("caught up", source_id=status.source_id, waiting=camera.waiting)
            camera.look_at = time.monotonic()

    def chunk(self, source_id: str, first_ms: int, reruns: Reruns) -> Chunk | None:
        """Return the work order of a span that is dealt; None for one that is none of ours."""
        camera = self._cameras.get(source_id)
        span = None if camera is None else camera.spans.get(first_ms)
        if camera is None or span is None:
            return None
        return span_chunk(camera.capture.source, span, reruns.run_of(camera.capture.source))

    def close(self) -> None:
        """Begin no more looks."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _advance(self, camera: _Camera) -> None:
        now = time.monotonic()
        if camera.looking is not None:
            if camera.looking.done():
                self._take_in(camera)
            return
        if camera.coming is None and camera.capture.fence != camera.fence:
            camera.coming, camera.comes_at = camera.capture.fence, now + SETTLING_SECONDS
        if camera.coming is not None and now >= camera.comes_at:
            camera.fence, camera.coming, camera.look_at, camera.looks_once_more = camera.coming, None, now, True
        if camera.spans and not camera.waiting:
            if now >= camera.deal_again_at:
                self._deal(camera.capture.source.source_id, camera)
        elif camera.fence is not None and _is_time(camera, now):
            self._look(camera, camera.capture.first_fence or camera.fence, camera.fence)

    def _look(self, camera: _Camera, first_fence: Fence, fence: Fence) -> None:
        source = camera.capture.source
        camera.asked = tuple(lost for lost in camera.lost if lost.partition == fence.partition)
        done = tuple(self._done(camera).values())
        gone, told, stuck = tuple(camera.gone), frozenset(camera.told), frozenset(camera.spans)
        question = Question(source, first_fence, fence, done, gone, told, camera.asked, stuck)
        camera.look_at, camera.deal_again_at = None, time.monotonic() + DEAL_AGAIN_SECONDS
        camera.looking = self._pool.submit(look, question, self._media, self._kafka)

    def _done(self, camera: _Camera) -> dict[int, Done]:
        source = camera.capture.source
        return {**self._finished.caught_up(source.source_id, source.life), **camera.done}

    def _take_in(self, camera: _Camera) -> None:
        assert camera.looking is not None
        source_id = camera.capture.source.source_id
        looking, camera.looking = camera.looking, None
        try:
            found = looking.result()
        except (OSError, Unavailable) as error:
            log.warning("journals are looked at later", source_id=source_id, reason=str(error))
            camera.look_at = time.monotonic() + AGAIN_SECONDS
            return
        camera.gone += found.gone
        camera.told.update(found.lacking)
        done = self._done(camera)  # what was done during the look is said no more: it would be waited for in vain
        camera.spans = {span.reach.first_ms: span for span in found.spans if span.reach.first_ms not in done}
        camera.waiting = found.waiting
        notices = _notices(found)
        for notice in notices:
            log.warning(notice, source_id=source_id)
        camera.capture.catch_up(catches_up=bool(found.spans), notices=notices)
        if found.all_ripe and not found.spans:
            camera.lost = [lost for lost in camera.lost if lost not in camera.asked]
        if camera.look_at is None:
            is_settled = found.all_ripe and len(camera.spans) == len(found.spans) and not notices
            camera.look_at = time.monotonic() + _next_look_seconds(camera, is_settled=is_settled)
        if camera.spans:
            log.info("catching up", source_id=source_id, spans=len(camera.spans), samples=_missed_samples(camera))
            self._deal(source_id, camera)

    def _deal(self, source_id: str, camera: _Camera) -> None:
        camera.deal_again_at = time.monotonic() + DEAL_AGAIN_SECONDS
        self._dealer.add(source_id, camera.spans)

    def _forget(self, source_id: str) -> None:
        del self._cameras[source_id]
        self._dealer.drop(source_id)


def _is_time(camera: _Camera, now: float) -> bool:
    """Whether to look: at once or at the set time, and where more waits, while a span that cannot be decoded for now is not done.

    The next spans are dealt beside it then.
    """
    at = camera.deal_again_at if camera.spans else camera.look_at
    return at is not None and now >= at


def _missed_samples(camera: _Camera) -> int:
    return camera.waiting + sum(len(span.lost) for span in camera.spans.values())


def _next_look_seconds(camera: _Camera, *, is_settled: bool) -> float:
    if not is_settled:
        return UNRIPE_SECONDS
    once_more, camera.looks_once_more = camera.looks_once_more, False
    return AFTER_A_CHANGE_SECONDS if once_more else LOOK_EVERY_SECONDS


def _lost(recuts: Sequence[Recut], source: Source) -> list[Lost | LostVectors]:
    """Return what of these may concern a camera."""
    return [
        Lost(recut.partition, recut.first_offset, recut.last_offset)
        if recut.topic == FRAMES_LIVE.name
        else LostVectors(recut.partition, recut.last_offset, recut.at_ms)
        for recut in recuts
        if recut.source_id in (None, source.source_id) and recut.life in (None, source.life)
    ]


def _notices(found: Found) -> list[str]:
    lacking = [(one.reach, f"{one.samples} sample{'s' * (one.samples > 1)}") for one in found.lacking]
    told = [*((reach, "all") for reach in found.gone), *lacking]
    return [_notice(reach, what, unsure=reach in found.unsure) for reach, what in told]


def _notice(reach: Reach, what: str, *, unsure: bool = False) -> str:
    """Say what could not be caught up, in UTC."""
    why = "not recorded, or not any more" + "; whether it is in the index nobody knows" * unsure
    return f"not caught up from {_utc(reach.first_ms)} to {_utc(reach.last_ms)}, {what}: {why}"


def _utc(t_ms: int) -> str:
    return on_calendar(t_ms).strftime("%Y-%m-%dT%H:%M:%SZ")

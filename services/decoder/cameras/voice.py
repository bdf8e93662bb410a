"""What a capture says on the bus: frames and marks to `frames-live`, its state to `source-status`. Nothing here ever waits."""

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from schemas.headers import FrameHeaders, encode_frame_headers, schema_header
from schemas.messages import SCHEMA_OF, Camera, Source, SourceStatus, encode
from schemas.producer_clock import is_run_of_a_camera
from schemas.topics import FRAMES_LIVE, SOURCE_STATUS
from services.decoder.cameras.sampler import CameraSample
from services.decoder.reports import now_ms
from streaming.outbox import Delivered, Outbox

CameraState = Literal["waiting", "running", "catching-up", "paused"]
MOST_UNHEARD: Final = 1000
CLOCK_STEP_MS: Final = 100
"""A camera's clock is told again when it is off by this much more or less than was told."""


@dataclass(frozen=True)
class Said:
    """What was said of a camera last. A status goes out only when something that people act on has changed."""

    state: CameraState
    since_ms: int
    error: str | None = None
    run: int | None = None
    camera: Camera | None = None
    notices: tuple[str, ...] = ()

    def differs(self, other: "Said") -> bool:
        """Whether a person or program would want to know."""
        return replace(self, camera=_coarse(self.camera)) != replace(other, camera=_coarse(other.camera))


class Voice:
    """Speaks for one source, until it is muted: then its partition is another's, and nothing may come from here any more.

    A camera that runs while `catches_up` is set is said to catch up. `notices` go out with whatever is said next.
    """

    def __init__(self, source: Source, known: SourceStatus | None, outbox: Outbox) -> None:
        self._source, self._outbox = source, outbox
        self._said = _said(known) if known is not None and known.life == source.life else None
        self.catches_up = False
        self.notices: tuple[str, ...] = () if self._said is None else self._said.notices
        self._unheard: deque[SourceStatus] = deque(maxlen=MOST_UNHEARD)
        self._repeats = False
        self._muted = False
        self._lock = threading.RLock()

    @property
    def last_run(self) -> int | None:
        """The run that was said last, here or by an owner before."""
        return None if self._said is None else self._said.run

    def seen_until_ms(self) -> int | None:
        """Return until when samples of this life may have been taken by an owner before; None where there was none.

        A camera sends the pictures since its last keyframe to whoever connects, and its clock may be ahead of ours.
        """
        if self._said is None or self._said.run is None:
            return None
        camera = self._said.camera
        ahead_ms = camera.clock_off_ms if camera is not None and camera.clock == "reports" else 0
        return now_ms() + max(0, ahead_ms or 0)

    def is_own(self, status: SourceStatus) -> bool:
        """Whether a status that was read was said here. To be asked of each, in the order of the log."""
        with self._lock:
            while status in self._unheard:
                if self._unheard.popleft() == status:
                    return True
            return False

    def repeat(self) -> None:
        """Say the next state though it may not be news: somebody else has said another one."""
        self._repeats = True

    def mute(self) -> None:
        """Say nothing more; when this returns, nothing is being said."""
        with self._lock:
            self._muted = True

    def rest(self, run: int | None) -> None:
        """Say that the camera is paused and `run` over, where one is in hand, and nothing more."""
        with self._lock:
            if run is not None:
                self.run_end(run)
            self.state("paused")
            self._muted = True

    def frame(self, sample: CameraSample, run: int, seq: int, on_delivered: Delivered) -> bool:
        """Send a sample; False when it was not taken."""
        picture = sample.picture
        headers = FrameHeaders(
            source_id=self._source.source_id,
            t_ms=picture.t_ms,
            stream=self._source.source_id,
            life=self._source.life,
            run=run,
            seq=seq,
            captured_ms=picture.t_ms,
            width=picture.width,
            height=picture.height,
        )
        return self._offer(FRAMES_LIVE.name, picture.jpeg, encode_frame_headers(headers), on_delivered)

    def run_end(self, run: int, on_delivered: Delivered | None = None) -> bool:
        """Say that a run is over, whoever captured it: what its last windows hold becomes final."""
        headers = FrameHeaders(
            source_id=self._source.source_id,
            t_ms=None,
            stream=self._source.source_id,
            life=self._source.life,
            run=run,
            mark="run_end",
        )
        return self._offer(FRAMES_LIVE.name, b"", encode_frame_headers(headers), on_delivered)

    def state(
        self, state: CameraState, *, error: str | None = None, run: int | None = None, camera: Camera | None = None
    ) -> bool:
        """Say how the camera is, if that is news; False when it was not taken. What is left out stays as it was."""
        before = self._said
        if state == "running" and self.catches_up:
            state = "catching-up"
        since_ms = now_ms() if before is None or before.state != state else before.since_ms
        now = Said(
            state,
            since_ms,
            error,
            run if run is not None or before is None else before.run,
            camera if camera is not None or before is None else before.camera,
            self.notices,
        )
        if before is not None and not now.differs(before) and not self._repeats:
            return True
        status = SourceStatus(source_id=self._source.source_id, life=self._source.life, **vars(now))
        with self._lock:
            taken = self._offer(SOURCE_STATUS.name, encode(status), schema_header(SCHEMA_OF[SourceStatus]))
            if taken:
                self._unheard.append(status)
                self._said, self._repeats = now, False
        return taken

    def _offer(self, topic: str, value: bytes, headers: list[tuple[str, bytes]], on_delivered: Delivered | None = None) -> bool:
        with self._lock:
            if self._muted:
                return False
            return self._outbox.offer(topic, value, key=self._source.source_id, headers=headers, on_delivered=on_delivered)


def _said(known: SourceStatus) -> Said | None:
    if known.state == "failed":
        return None
    run = known.run if known.run is not None and is_run_of_a_camera(known.run, now_ms()) else None
    return Said(known.state, known.since_ms, known.error, run, known.camera, known.notices)


def _coarse(camera: Camera | None) -> Camera | None:
    """Round what never stands still."""
    if camera is None or camera.clock_off_ms is None:
        return camera
    return msgspec.structs.replace(camera, clock_off_ms=round(camera.clock_off_ms / CLOCK_STEP_MS), gop_ms=None)

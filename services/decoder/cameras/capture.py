"""One camera, on a thread of its own: connect, record everything, sample what the grid wants, and begin anew for ever."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Final

from schemas.messages import Camera, Source, SourceStatus
from schemas.networks import Network
from schemas.producer_clock import is_run_of_a_camera
from services.decoder import metrics as m
from services.decoder.cameras.backoff import Backoff
from services.decoder.cameras.cadence import Cadence
from services.decoder.cameras.clock import CameraClock, Moment
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.journals import Journals
from services.decoder.cameras.parameters import sequence_parameters
from services.decoder.cameras.places import find
from services.decoder.cameras.recorder import Recorder
from services.decoder.cameras.rtsp import CameraPacket, RtspCamera
from services.decoder.cameras.sampler import CameraSample, Sampler
from services.decoder.cameras.spans import Fence
from services.decoder.cameras.voice import Voice
from services.decoder.cameras.watchdog import Undecodable, Watchdog
from services.decoder.reports import now_ms
from services.decoder.sampling import Grid
from streaming.logs import get_logger
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore

SETTLING_MS: Final = 300
"""A camera that answers with the pictures since its last keyframe sends them at once: by then they have come."""
SETTLING_PACKETS: Final = 500
CONTESTED_SECONDS: Final = 3.0
"""So long after another has spoken for a camera its owner speaks up. Who has lost the camera knows it by then, and is silent."""
LONGEST_CONTESTED_SECONDS: Final = 60.0
"""Where both go on, each waits twice as long as the time before, up to this; after so long in peace it begins again."""
MOST_NOTICES: Final = 8
SOUND_AHEAD_MS: Final = 3_000
"""No sound comes so long before its time: where it would, timestamps of the pictures have gone slower than those of the sound."""
GAP_MS: Final = 2_000
GAP_PERIODS: Final = 2
START_CODE: Final = b"\x00\x00\x01"

log = get_logger("capture")


@dataclass(frozen=True)
class Surroundings:
    """What all captures of a process share."""

    outbox: Outbox
    metrics: Metrics
    secrets: SecretStore
    networks: tuple[Network, ...]
    media: Path


class Capture:
    """A supervised capture. It ends when it is stopped and by nothing else; a thread that has died tells its owner.

    `first_fence` and `fence` are the first and the newest one that Kafka has acknowledged.
    """

    def __init__(self, source: Source, known: SourceStatus | None, around: Surroundings) -> None:
        self.source = source
        self.first_fence: Fence | None = None
        self.fence: Fence | None = None
        self._around = around
        self._voice = Voice(source, known, around.outbox)
        self._recorder = Recorder(around.media, source.source_id, source.life) if source.record else None
        self._backoff = Backoff(random.random)
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._period_ms = 1000 / source.sample_fps
        self._grid = Grid(source.sample_fps)
        self._cadence = Cadence(self._grid, self._period_ms)
        self._watchdog = Watchdog(self._grid)
        self._last_ms = self._voice.seen_until_ms()
        self._run: int | None = None
        self._broken = False
        self._is_decodable = True
        self._parameters = b""
        self._answers = 0
        self._heard_run = 0
        self._speaks_up_at: float | None = None
        self._came_back = False
        self._contested_at, self._contested_seconds = -inf, CONTESTED_SECONDS
        self._seq = 0
        self._why = ""
        self._left_run = self._voice.last_run
        self._noted_run = 0
        self._thread = threading.Thread(target=self._work, name=f"camera {source.source_id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def look_again(self) -> None:
        """Try at once a camera that is away: someone has just added it again."""
        self._hurry.set()

    def stop(self) -> None:
        """Ask for the end; `end` waits for it."""
        self._stopping.set()
        self._hurry.set()

    def hear(self, status: SourceStatus) -> None:
        """Take in what is said of the camera, here or by one that was its owner and does not know yet that it is no more.

        If that one has begun a larger run, readers drop what comes in this one; if it has said a state, everybody believes it.
        If it had the camera while this capture was lost, it may have ended this run: another begins.
        """
        if self.is_own(status):
            return
        now = time.monotonic()
        if not self.is_contested:
            self._contested_seconds = CONTESTED_SECONDS
        self._contested_at = now
        ended = self._run if self._came_back and self._run is not None else -1
        said = status.run if status.run is not None and is_run_of_a_camera(status.run, now_ms()) else 0
        self._heard_run = max(self._heard_run, said, ended + 1)
        if self._speaks_up_at is None:
            self._speaks_up_at = now + self._contested_seconds
            self._contested_seconds = min(LONGEST_CONTESTED_SECONDS, 2 * self._contested_seconds)

    def speak_up(self) -> None:
        """Say the state again when the capture comes to it, though it is no news."""
        if self._speaks_up_at is None:
            self._speaks_up_at = time.monotonic()

    def come_back(self) -> None:
        """Go on for an owner that had lost the camera."""
        self._came_back = True

    def is_own(self, status: SourceStatus) -> bool:
        """Return whether a status that was read was said here. To be asked of each, in the order of the log."""
        return self._voice.is_own(status)

    @property
    def is_contested(self) -> bool:
        """Whether another has spoken for the camera in the last minute."""
        return time.monotonic() - self._contested_at <= LONGEST_CONTESTED_SECONDS

    def end(self, timeout_seconds: float, *, paused: bool = False) -> None:
        """Wait for the end of a capture that was stopped, and say nothing from then on, whether it has come or not.

        A silent camera is read until its time runs out, which nobody waits for.
        """
        self._thread.join(max(0.0, timeout_seconds))
        if paused:
            self._voice.rest(self._run)
        self._voice.mute()

    def rest(self) -> None:
        """Begin nothing: the source is paused, and someone before may not have said so."""
        self._end_run()
        self._voice.state("paused")

    def catch_up(self, *, catches_up: bool, notices: Sequence[str] = ()) -> None:
        """Say from the next sample on whether missed spans are being caught up, and for its life what could not be."""
        known = self._voice.notices
        self._voice.notices = (*known, *(notice for notice in notices if notice not in known))[-MOST_NOTICES:]
        self._voice.catches_up = catches_up

    @property
    def has_ended(self) -> bool:
        """Whether nothing is being captured any more."""
        return not self._thread.is_alive()

    @property
    def has_died(self) -> bool:
        """Whether the thread has ended though nobody asked for it."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set()

    def _work(self) -> None:
        self._look_for_left_run()
        self._voice.repeat()  # also where it is no news: who has lost the camera captures on until it hears of another
        self._voice.state("waiting", error=None if self._voice.last_run is None else "the capture begins again")
        while not self._stopping.is_set():
            try:
                self._capture()
            except CameraDown as down:
                self._down(str(down))
            self._end_run()
            self._wait()
        self._end_run()

    def _look_for_left_run(self) -> None:
        """Take a run for left that journals know of and Kafka does not: it was away until the owner before was killed.

        The mark that ends it is how its samples are found to be missed, whether the camera comes back or not.
        """
        if not self.source.record:
            return
        journals = Journals(self._around.media, self.source.source_id, self.source.life)
        try:
            noted_run = journals.largest_run(journals.settled_ms()) or 0
            self._noted_run = noted_run if is_run_of_a_camera(noted_run, now_ms()) else 0
        except OSError as error:
            log.warning("journals not read", source_id=self.source.source_id, reason=error.strerror)
        self._left_run = max(self._left_run or 0, self._noted_run) or None

    def _wait(self) -> None:
        if not self._stopping.is_set():
            self._hurry.wait(self._backoff.next_seconds())
            self._hurry.clear()

    def _down(self, why: str) -> None:
        if why != self._why:
            log.info("camera away", source_id=self.source.source_id, reason=why)
        self._why = why
        if self._speak_up():
            self._left_run = self._heard_run
        self._voice.state("waiting", error=why, run=self._left_run)
        self._around.metrics.of(m.RECONNECTS).inc()

    def _capture(self) -> None:
        """Capture one connection."""
        place = find(self.source.url or "", self._around.secrets, self._around.networks)
        camera = RtspCamera(place, self._backoff.patience_seconds(self._cadence.gop_ms))
        clock, sampler = CameraClock(self._period_ms, self._last_ms), Sampler(camera, self._grid, self._cadence)
        session = _Session(camera, clock, sampler, self._parameters)
        self._watchdog = Watchdog(self._grid)
        try:
            for packet in self._settled(camera.packets(), session.clock):
                if self._stopping.is_set():
                    return
                self._take(session, packet)
        except Undecodable:
            self._is_decodable = False
            raise
        finally:
            self._parameters = session.parameters
            if self._recorder is not None:
                self._recorder.end()
            camera.close()

    def _settled(self, packets: Iterator[CameraPacket], clock: CameraClock) -> Iterator[CameraPacket]:
        """Hold back the beginning until the clock has seen packets that came on time, then pass all on.

        What lies before a jump of timestamps is left out: the clock knows no more when it was taken.
        """
        held: list[CameraPacket] = []
        settled_ms = inf
        for number, packet in enumerate(packets, 1):
            settled_ms = min(settled_ms, packet.arrival_ms + SETTLING_MS)
            if packet.video and clock.hear(packet.pts_ms, packet.arrival_ms):
                held.clear()
            held.append(packet)
            if packet.arrival_ms >= settled_ms or number >= SETTLING_PACKETS:
                break
        yield from held
        for packet in packets:
            if packet.video:
                clock.hear(packet.pts_ms, packet.arrival_ms)
            yield packet

    def _take(self, session: "_Session", packet: CameraPacket) -> None:
        if not packet.video:
            at_ms = inf if session.offset_ms is None else packet.pts_ms + session.offset_ms
            if self._recorder is not None and at_ms <= packet.arrival_ms + SOUND_AHEAD_MS:
                self._recorder.audio(packet.packet, at_ms)
            return
        at = session.clock.place(packet.pts_ms, packet.reported_ms)
        if packet.keyframe:
            session.check_parameters(packet)
        if at.anew or self._is_gap(at):
            session.waits_for_keyframe = True
        if self._speak_up():
            session.is_outrun = True
        session.offset_ms = at.exact_ms - packet.pts_ms
        self._last_ms = max(at.t_ms, self._last_ms or at.t_ms)
        if packet.keyframe and (session.waits_for_keyframe or session.is_outrun):
            self._begin_run(session)
        waits = session.waits_for_keyframe
        if not waits:
            self._pass_on(session, packet, at)
        gop_ms = self._cadence.gop_ms
        self._watchdog.hear(at, packet.arrival_ms, gop_ms, keyframe=packet.keyframe, waits_for_keyframe=waits)

    def _pass_on(self, session: "_Session", packet: CameraPacket, at: Moment) -> None:
        assert self._run is not None
        if self._recorder is not None and not self._recorder.shows(at.t_ms):
            return  # it refers to what lies before the keyframe that its film begins with: nobody could read it again
        if self._recorder is not None and not packet.keyframe and self._recorder.is_overlong(at.t_ms):
            raise CameraDown("the camera has sent no keyframe for minutes; it is opened again for another film")
        sampler, unusable_before = session.sampler, session.sampler.unusable
        decoded = sampler.decode(packet.packet, at, keyframe=packet.keyframe)  # before the recorder moves its times
        self._is_decodable = self._is_decodable or decoded.shown > 0
        if self._recorder is not None and self._is_decodable:
            self._recorder.video(session.camera, packet.packet, at, self._run, keyframe=packet.keyframe)
        for sample in decoded.samples:
            self._send(session, sample)
        self._around.metrics.of(m.UNUSABLE).inc(sampler.unusable - unusable_before)
        if decoded.usable:
            self._watchdog.see(at)

    def _speak_up(self) -> bool:
        """Have the next state said though it is no news, if it is time for it; return whether another has begun a larger run."""
        if self._speaks_up_at is None or time.monotonic() < self._speaks_up_at:
            return False
        self._speaks_up_at = None
        self._voice.repeat()
        return self._heard_run > max(self._run or 0, self._voice.last_run or 0)

    def _is_gap(self, at: Moment) -> bool:
        return self._last_ms is not None and at.t_ms - self._last_ms > max(GAP_MS, GAP_PERIODS * self._period_ms)

    def _begin_run(self, session: "_Session") -> None:
        """Begin a run with a keyframe."""
        self._end_run()
        session.waits_for_keyframe = session.is_outrun = False
        session.sampler.begin_run()
        self._watchdog.begin_run()
        self._run, self._seq, self._broken = self._next_run(), 0, False

    def _next_run(self) -> int:
        """Number a run: larger than any before, of this owner or another, but for those of a clock that was far ahead."""
        now = now_ms()
        before = (self._voice.last_run or 0, self._run or 0, self._heard_run, self._noted_run)
        return 1 + max(now - 1, *(run for run in before if is_run_of_a_camera(run, now)))

    def _send(self, session: "_Session", sample: CameraSample) -> None:
        """Send a sample that the journal knows of. One that Kafka does not take is caught up from the recording."""
        answers = self._around.outbox.answers
        if self._broken:
            self._mend(session)
        assert self._run is not None
        run, seq = self._run, self._seq
        noted = None if self._recorder is None else self._recorder.note(sample.at.t_ms, run, seq)

        def acknowledged(partition: int, offset: int) -> None:
            if noted is not None:
                noted[0].acknowledge(noted[1], partition, offset)
            if seq == 0:
                self._fenced(run, partition, offset)

        if not self._broken and self._say(session, run) and self._voice.frame(sample, run, seq, acknowledged):
            self._seq += 1
            self._why = ""
            self._backoff.reset()
            self._around.metrics.of(m.LIVE_SAMPLES).inc()
            self._around.metrics.of(m.SAMPLE_SECONDS).observe(max(0.0, time.time() - sample.at.t_ms / 1000))
            return
        self._broken, self._answers = True, answers
        if noted is not None:
            noted[0].give_up()
        self._around.metrics.of(m.UNSENT).inc()

    def _mend(self, session: "_Session") -> None:
        """Go on in a new run once Kafka takes records again; until then the recording goes on as it is.

        Marks are small: where the queue is full of pictures, those of a new run would go in before each sample that is refused.
        So Kafka must have answered since.
        """
        if self._around.outbox.answers == self._answers:
            return
        run = self._next_run()
        if self._say(session, run):
            self._end_run()
            self._run, self._seq, self._broken = run, 0, False

    def _say(self, session: "_Session", run: int) -> bool:
        """Say that the camera runs; a run is said before its first sample."""
        return self._voice.state("running", error=self._error(), run=run, camera=session.described(self._cadence))

    def _error(self) -> str | None:
        return None if self._recorder is None else self._recorder.error

    def _end_run(self) -> None:
        """Say that a run is over: the one in hand, and one that another owner has left."""
        if self._run is not None and self._say_run_end(self._run):
            self._run = None
        if self._left_run is not None and self._say_run_end(self._left_run):
            self._left_run = None

    def _say_run_end(self, run: int) -> bool:
        return self._voice.run_end(run, partial(self._fenced, run + 1))

    def _fenced(self, below_run: int, partition: int, offset: int) -> None:
        known = None if self.fence is None or not is_run_of_a_camera(self.fence.below_run, now_ms()) else self.fence
        if known is None or known.below_run <= below_run:
            self.fence = Fence(below_run, partition, offset)
        self.first_fence = self.first_fence or self.fence


class _Session:
    """One connection and what was learnt on it."""

    def __init__(self, camera: RtspCamera, clock: CameraClock, sampler: Sampler, sent_before: bytes = b"") -> None:
        """Begin; `sent_before` are the parameters of the connection before."""
        self.camera, self.clock, self.sampler = camera, clock, sampler
        self.waits_for_keyframe = True
        self.is_outrun = False
        self.offset_ms: float | None = None
        described = bytes(camera.video.codec_context.extradata or b"")
        self.parameters = sequence_parameters(camera.codec, described + START_CODE)  # which ends the last of them
        self._sent_before = sent_before

    def check_parameters(self, packet: CameraPacket) -> None:
        """Raise `CameraDown` when the picture has another size or profile: what follows is another stream.

        A camera that describes itself wrongly is opened again once and not each time: it may begin with what it has sent before.
        """
        known, self._sent_before = (b"", self.parameters, self._sent_before), b""
        found = sequence_parameters(self.camera.codec, bytes(packet.packet))
        had, self.parameters = self.parameters, found or self.parameters
        if had and found not in known:
            raise CameraDown("the camera has changed its picture's size or profile; it is opened again")

    def described(self, cadence: Cadence) -> Camera:
        """Return what is said of the camera."""
        width, height = self.sampler.size
        return Camera(
            codec=self.camera.codec,
            width=width,
            height=height,
            decodes="keyframes" if cadence.keyframes_alone else "frames",
            gop_ms=cadence.gop_ms,
            clock=self.clock.source,
            clock_off_ms=self.clock.off_ms,
        )

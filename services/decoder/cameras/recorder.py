"""PyAV: what a camera sends, remuxed into segments as `schemas.recordings` describes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import av
from av.error import FFmpegError

from originals.formats import NO_PROTOCOL, PIXELS
from originals.whole_file import WholeFile
from schemas.recordings import SEGMENT_MS, JournalLine, Segment, life_folder
from services.decoder.cameras.clock import Moment
from services.decoder.cameras.journal import Journal
from services.decoder.cameras.journals import LONGEST_MS
from services.decoder.cameras.rtsp import RtspCamera
from services.decoder.cameras.sound import Sound, sound_track
from streaming.logs import get_logger

TICKS: Final = 90_000
FRAGMENT_MICROSECONDS: Final = 500_000
"""A fragment ends with a GOP, or after this: what was sampled can be shown half a second later."""
WAITS_FOR_SOUND_MICROSECONDS: Final = 100_000
"""Pictures are held back for so long where sound does not come. A camera may announce a track and never send it."""

OPTIONS: Final = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": str(FRAGMENT_MICROSECONDS),
    "max_interleave_delta": str(WAITS_FOR_SOUND_MICROSECONDS),
    "flush_packets": "1",
}
RETRY_MS: Final = 10_000

log = get_logger("recorder")


class _Film:
    """The MP4 of a segment. What the disk refuses is an `OSError`, what FFmpeg refuses an `FFmpegError` or `ValueError`."""

    def __init__(self, path: Path, pictures: Any, sound: Any | None) -> None:
        """Write the header, for tracks like these streams. The file is ours: PyAV leaves its own open where that fails."""
        self._file = WholeFile(path, "wb")
        try:
            self._output: Any = av.open(self._file, "w", format="mp4", options=OPTIONS)
            self.pictures = self._output.add_stream_from_template(pictures, opaque=True)
            self.pictures.time_base = Fraction(1, TICKS)
            self.sound: Sound | None = None if sound is None else sound_track(self._output, sound)
            self._output.start_encoding()
        except BaseException:
            self._file.close()
            raise

    def mux(self, packet: Any) -> None:
        """Write a packet of one of the tracks."""
        self._output.mux(packet)

    def close(self) -> None:
        """Finish the film."""
        try:
            self._output.close()
        finally:
            self._file.close()


class _Open:
    """The segment that is being written, from a keyframe on."""

    def __init__(self, folder: Path, camera: RtspCamera, keyframe: Any, begins: Moment, run: int) -> None:
        self.segment = Segment(begins.t_ms, run)
        day = folder / self.segment.day
        day.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(day / self.segment.journal_name)
        try:
            with _described(camera, keyframe) as pictures:
                self._film = self._begin(day / self.segment.name, pictures, camera.audio)
        except BaseException:
            self.journal.close()
            raise
        self._last_dts = -1

    def _begin(self, path: Path, pictures: Any, sound: Any | None) -> _Film:
        """Begin the film, without its sound where the header has no room for such."""
        try:
            return _Film(path, pictures, sound)
        except (FFmpegError, ValueError) as error:
            if sound is None:
                raise
            log.warning("sound not recorded", segment=self.segment.name, reason=str(error))
            return _Film(path, pictures, None)

    def shows(self, t_ms: float) -> bool:
        """Whether a picture may be in the file: what one refers to that is shown before the first keyframe is not there."""
        return t_ms >= self.segment.start_ms

    def video(self, packet: Any, t_ms: float) -> None:
        """Write a video packet at its time, of the clock that may slew while the camera's does not."""
        if not self.shows(t_ms):
            return
        pts = round(t_ms - self.segment.start_ms) * TICKS // 1000
        dts = self._last_dts + 1  # FFmpeg knows no better of the first frames: those that follow may be shown before them
        if packet.dts is not None:
            dts = max(dts, pts - round((packet.pts - packet.dts) * packet.time_base * TICKS))
        packet.time_base = Fraction(1, TICKS)
        packet.pts, packet.dts = max(pts, dts), dts
        packet.stream = self._film.pictures
        self._last_dts = dts
        self._film.mux(packet)

    def audio(self, packet: Any, at_ms: float) -> None:
        """Write a sound packet that is heard at `at_ms`; what is earlier than the first picture is left out.

        An error of the sound, unlike one of the disk, costs the rest of the segment its sound and nothing else.
        """
        if self._film.sound is None or at_ms < self.segment.start_ms:
            return
        try:
            for made in self._film.sound.feed(packet, Fraction(at_ms - self.segment.start_ms) / 1000):
                self._film.mux(made)
        except (FFmpegError, ValueError) as error:
            log.warning("sound not recorded", segment=self.segment.name, reason=str(error))
            self._film.sound = None

    def close_film(self) -> None:
        """Finish the film; what it shows may be noted still."""
        self._film.close()

    def close(self) -> None:
        """Finish the film and its journal."""
        self.journal.close()
        self.close_film()


@contextmanager
def _described(camera: RtspCamera, keyframe: Any) -> Iterator[Any]:
    """Give the stream that tells size and parameters of the pictures: the camera's, or its keyframe's where that one does not.

    Some cameras say so in keyframes alone, and the first one may come long after the connection.
    """
    if camera.video.codec_context.width:
        yield camera.video
        return
    options = {**PIXELS, "protocol_whitelist": NO_PROTOCOL}
    with av.open(BytesIO(bytes(keyframe)), format=camera.codec, options=options) as read:
        yield read.streams.video[0]


class Recorder:
    """Records one life of one camera. A disk that refuses costs the recording, never the samples: `error` says so."""

    def __init__(self, media: Path, source_id: str, life: int) -> None:
        self._folder = media / life_folder(source_id, life)
        self._open: _Open | None = None
        self._before: _Open | None = None
        self._retry_ms = 0.0
        self.error: str | None = None

    def video(self, camera: RtspCamera, packet: Any, at: Moment, run: int, *, keyframe: bool) -> None:
        """Write a packet; a segment begins and ends with keyframes, and belongs to one run."""
        if keyframe and (self._is_over(at, run) or (self._open is None and at.t_ms >= self._retry_ms)):
            self._follow_on()
            self._begin(camera, packet, at, run)
        if self._open is not None:
            self._write(at.t_ms, self._open.video, packet, at.t_ms)

    def audio(self, packet: Any, at_ms: float) -> None:
        """Write sound beside the pictures."""
        if self._open is not None:
            self._write(int(at_ms), self._open.audio, packet, at_ms)

    def shows(self, t_ms: int) -> bool:
        """Whether the picture of a packet that comes now will be in the film, where anything is recorded."""
        return self._open is None or self._open.shows(t_ms)

    def is_overlong(self, t_ms: int) -> bool:
        """Whether the segment has waited for too long for the keyframe that begins the next one."""
        return self._open is not None and t_ms - self._open.segment.start_ms > LONGEST_MS

    def note(self, t_ms: int, run: int, seq: int) -> tuple[Journal, JournalLine] | None:
        """Write down a sample that is about to be sent, beside the film that shows it; None where nothing is recorded."""
        shown = self._open if self.shows(t_ms) else self._before
        if shown is None:
            return None
        line = JournalLine(t_ms, run, seq, t_ms - shown.segment.start_ms)
        try:
            shown.journal.note(line)
        except OSError as error:
            self._fail(t_ms, error)
            return None
        return shown.journal, line

    def end(self) -> None:
        """End the segment: the run is over, or nobody wants more."""
        self._follow_on()
        self._close_before()

    def _follow_on(self) -> None:
        """End the film that is open, but not its journal: where there are B-frames its last pictures are still being decoded."""
        self._close_before()
        self._before, self._open = self._open, None
        if self._before is not None:
            try:
                self._before.close_film()
            except (FFmpegError, OSError) as error:
                self._fail(self._before.segment.start_ms, error)

    def _close_before(self) -> None:
        if self._before is not None:
            self._before.journal.close()
            self._before = None

    def _is_over(self, at: Moment, run: int) -> bool:
        return self._open is not None and (self._open.segment.run != run or at.t_ms - self._open.segment.start_ms >= SEGMENT_MS)

    def _begin(self, camera: RtspCamera, keyframe: Any, at: Moment, run: int) -> None:
        try:
            self._open = _Open(self._folder, camera, keyframe, at, run)
        except (FFmpegError, OSError, ValueError) as error:
            self._fail(at.t_ms, error)
        else:
            self.error = None

    def _write(self, t_ms: int, write: Any, packet: Any, at_ms: float) -> None:
        try:
            write(packet, at_ms)
        except (FFmpegError, OSError, ValueError) as error:
            self._fail(t_ms, error)

    def _fail(self, t_ms: int, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        log.warning("not recorded", folder=self._folder.name, reason=reason)
        self.error = f"not recorded: {reason}"
        self._retry_ms = t_ms + RETRY_MS
        opened, self._open = self._open, None
        if opened is not None:
            self._abandon(opened)

    @staticmethod
    def _abandon(opened: _Open) -> None:
        try:
            opened.close()
        except (FFmpegError, OSError, ValueError) as error:
            log.info("segment left as it is", segment=opened.segment.name, reason=str(error))

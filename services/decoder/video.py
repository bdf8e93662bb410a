"""PyAV: the frames of a file on its timeline."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import av
from av.error import FFmpegError
from av.stream import Discard, Disposition

from originals.errors import Unreadable
from originals.files import OpenFile
from originals.formats import CAUTION, PIXELS
from originals.timestamps import WRAPS, without_strays
from schemas.limits import LARGEST_T_MS
from services.decoder.damage import Hole
from services.decoder.picture import Painter, Picture
from services.decoder.sampling import Grid
from services.decoder.timeline import LARGEST_PTS, Timeline

MP4: Final = "mov,mp4,m4a,3gp,3g2,mj2"
SOUGHT_EXACTLY: Final = (MP4, "matroska,webm")
NO_PICTURES: Final = Disposition.attached_pic | Disposition.timed_thumbnails
BUFFER_BYTES: Final = 1 << 16
FIRST_STEP_MS: Final = 1_000
FURTHEST_LEAD_MS: Final = 60_000
"""A keyframe further than this before the place asked for makes every chunk too dear: the file is read in one."""
TRACK_DURATION: Final = re.compile(r"([0-9]{1,12}):([0-9]{2}):([0-9]{2}\.[0-9]+)")
"""How Matroska states the length of one track; the length of the file is that of its longest, often the sound."""
PACKETS_WITHOUT_FRAME: Final = 2_000


@dataclass(frozen=True, slots=True)
class Frame:
    """A usable frame: decoded without error, at a time of its own."""

    t_ms: int
    decoded: av.VideoFrame


@dataclass(frozen=True)
class Inspection:
    """What planning needs to know of a video. `duration_ms` is what the file says, 0 where it says nothing."""

    duration_ms: int
    seekable: bool


class Video:
    """The video stream of an open file.

    Raises `Unreadable` for what is no video; what the file's bytes raise while they are read passes through.
    `usable` and `unusable` count the frames that could be used, and the packets and frames that could not. `holes` are where
    nothing could be read though there is more behind.
    """

    def __init__(self, file: OpenFile, threads: int) -> None:
        """Open; `threads` decode at the same time."""
        self._file, self._threads = file, threads
        self._painter = Painter()
        self._timeline: Timeline | None = None
        self._grid: Grid | None = None
        self.usable = self.unusable = 0
        self.holes: list[Hole] = []
        self._open()
        self._begin(-LARGEST_PTS)

    def close(self) -> None:
        """Close the container; the file stays its owner's."""
        self._container.close()

    @property
    def duration_ms(self) -> int:
        """What the file says of its length, 0 where it says nothing."""
        return min(max(0, self._stated_ms), LARGEST_T_MS)

    @property
    def ends_ms(self) -> int:
        """Where the last usable frame ends, counted from the file's own zero where that lies before its first frame."""
        return self._shown_until_ms + (0 if self._timeline is None else max(0, self._timeline.begins_ms))

    @property
    def _stated_ms(self) -> int:
        if self._stream.duration is not None:
            return int(self._stream.duration * self._stream.time_base * 1000)
        if stated := TRACK_DURATION.fullmatch(self._stream.metadata.get("DURATION", "")):
            hours, minutes, seconds = map(float, stated.groups())
            return int((hours * 3600 + minutes * 60 + seconds) * 1000)
        return int(self._container.duration or 0) // 1000

    @property
    def format(self) -> str:
        """FFmpeg's name of the container format."""
        return str(self._container.format.name)

    def frames(self, from_ms: int, grid: Grid | None = None) -> Iterator[Frame | None]:
        """Yield the usable frames from the keyframe that `from_ms` needs; the first lies before it or is the file's first.

        None after each packet: a moment in which the caller may stop. With a grid, frames that are certainly no sample may be
        left out: that halves the cost of videos with many B-frames, and changes no sample.
        """
        self._grid = grid
        self._rewind()
        if from_ms > 0 and self._find_first():
            yield from self._frames_after_seek(from_ms)
        else:
            self._rewind()
            yield from self._placed()

    def pictures(self, grid: Grid, from_ms: int) -> Iterator[Picture | None]:
        """Yield the samples at or after `from_ms`, and None as `frames` does."""
        for frame in grid.samples(self.frames(from_ms, grid), from_ms):
            yield None if frame is None else self._painted(frame)

    def _painted(self, frame: Frame) -> Picture | None:
        picture = self._painter.picture(frame.t_ms, frame.decoded, self._stream.sample_aspect_ratio)
        if picture is None:
            self.usable, self.unusable = self.usable - 1, self.unusable + 1
        return picture

    def inspect(self) -> Inspection:
        """Look at the file as planning needs it; raises `Unreadable` when no frame of it can be decoded."""
        if next((frame for frame in islice(self.frames(0), PACKETS_WITHOUT_FRAME) if frame), None) is None:
            raise Unreadable(f"{self._file.shown}: no frame of its video ({self._codec}) can be decoded")
        exact = self._file.ranged and self.format in SOUGHT_EXACTLY and self.duration_ms > 0
        quarters = [self.duration_ms * quarter // 4 for quarter in (1, 2, 3)]
        return Inspection(self.duration_ms, exact and all(map(self._is_found, quarters)))

    def _is_found(self, t_ms: int) -> bool:
        first = next((frame for frame in self.frames(t_ms) if frame), None)
        return first is not None and t_ms - first.t_ms <= FURTHEST_LEAD_MS

    def _open(self) -> None:
        self._file.stream.seek(0)
        try:
            self._container: Any = av.open(
                self._file.stream, options=CAUTION, metadata_errors="replace", buffer_size=BUFFER_BYTES
            )
        except FFmpegError as error:
            what = "is not a video that can be read (mp4, mov, mkv, webm, ts), or it is damaged"
            raise Unreadable(f"{self._file.shown} {what}: {error.strerror}") from None
        self._stream = self._choose_stream()
        for other in self._container.streams:
            if other is not self._stream:
                other.discard = Discard.all  # a hole in the sound is none in the pictures
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = self._threads
        self._stream.codec_context.options = dict(PIXELS)
        self._fresh = True

    def _choose_stream(self) -> Any:
        streams = [s for s in self._container.streams.video if not s.disposition & NO_PICTURES]
        best = self._container.streams.best("video")
        if not streams:
            raise Unreadable(f"{self._file.shown} has no video stream")
        stream = best if best in streams else streams[0]
        if stream.codec_context is None:
            raise Unreadable(f"{self._file.shown}: its video codec is not known here")
        return stream

    @property
    def _codec(self) -> str:
        return str(self._stream.codec_context.name)

    def _rewind(self) -> None:
        """Begin at the first packet: with a new container, since not every format can be sought back to it."""
        if not self._fresh:
            self._container.close()
            self._open()
        self._fresh = False
        self._begin(-LARGEST_PTS)

    def _begin(self, dts: int) -> None:
        """Begin to read at another place, where `dts` lies."""
        self._packets_ahead = self._container.demux(self._stream)
        self._begun_at_dts = dts
        self._read_until_dts: int | None = None
        self._shown_until_ms, self._awaits_keyframe = 0, False
        if self._timeline is not None:
            self._timeline.restart()

    def _find_first(self) -> bool:
        """Learn where the timeline begins; False for a file without a usable frame."""
        return self._timeline is not None or any(self._placed())

    def _frames_after_seek(self, from_ms: int) -> Iterator[Frame | None]:
        """Seek to `from_ms`, and to ever earlier places while the first frame that comes lies too late."""
        lead_ms, step_ms = 0, FIRST_STEP_MS
        while lead_ms < from_ms:
            frames = self._sought(from_ms - lead_ms)
            first = next((frame for frame in frames if frame), None)
            if first is not None and first.t_ms < from_ms:
                yield first
                yield from frames
                return
            yield None
            lead_ms, step_ms = lead_ms + step_ms, step_ms * 2
        self._rewind()
        yield from self._placed()

    def _sought(self, t_ms: int) -> Iterator[Frame | None]:
        """Yield the frames from a keyframe near `t_ms`."""
        assert self._timeline is not None
        pts = self._timeline.pts_of(t_ms)
        try:
            self._container.seek(pts, stream=self._stream)
        except FFmpegError:
            return
        self._begin(pts)
        self._awaits_keyframe = True
        yield from self._placed()

    def _placed(self) -> Iterator[Frame | None]:
        """Yield the usable frames; what is shown before a keyframe that is awaited lacks what it refers to."""
        wrap_pts = WRAPS.get(self.format)
        frames = self._decoded()
        for decoded in frames if wrap_pts is None else without_strays(frames, _pts_of, wrap_pts):
            if decoded is None:
                yield None
            elif decoded.key_frame or not self._awaits_keyframe:
                t_ms = self._place(decoded)
                if t_ms is None:
                    self.unusable += 1
                else:
                    self.usable += 1
                    self._note_shown(t_ms, decoded)
                    yield Frame(t_ms, decoded)

    def _note_shown(self, t_ms: int, decoded: av.VideoFrame) -> None:
        if self._awaits_keyframe and self._shown_until_ms:
            self.holes.append(Hole(self._shown_until_ms, t_ms))
        self._shown_until_ms = t_ms + int((decoded.duration or 0) * self._stream.time_base * 1000)
        self._awaits_keyframe = False

    def _place(self, decoded: av.VideoFrame) -> int | None:
        if decoded.is_corrupt or decoded.pts is None:
            return None
        if self._timeline is None:
            self._timeline = Timeline(self._stream.time_base, decoded.pts, WRAPS.get(self.format))
        return self._timeline.place(decoded.pts)

    def _decoded(self) -> Iterator[av.VideoFrame | None]:
        """Decode to the end; a packet that cannot be decoded is left out."""
        context = self._stream.codec_context
        for packet in self._packets():
            context.skip_frame = "NONREF" if self._is_idle(packet) else "DEFAULT"
            try:
                yield from context.decode(packet)
            except FFmpegError:
                self.unusable += 1
            yield None

    def _is_idle(self, packet: Any) -> bool:
        """Whether a packet need be decoded only if others refer to it."""
        if packet is None or self._grid is None or self._timeline is None:
            return False
        return self._timeline.is_idle(packet.pts, self._grid)

    def _packets(self) -> Iterator[Any]:
        """Yield the packets, and None at the end and before a hole, behind which they go on with a keyframe."""
        while True:
            packet = self._read()
            if packet is None:
                yield None
                packet = self._read_behind_hole()
                if packet is None:
                    return
                self._awaits_keyframe = True
            if packet.is_corrupt or packet.size == 0:
                self.unusable += 1
            else:
                yield packet

    def _read(self) -> Any:
        """Return the next packet; None at the end of the file, and where it cannot be read."""
        try:
            packet = next(self._packets_ahead, None)
        except FFmpegError:
            packet = None
        if packet is None or (packet.size == 0 and packet.pts is None and packet.dts is None):
            self._packets_ahead = self._container.demux(self._stream)
            return None
        if packet.dts is not None:
            self._read_until_dts = packet.dts if self._read_until_dts is None else max(packet.dts, self._read_until_dts)
        return packet

    def _read_behind_hole(self) -> Any:
        """Return the next keyframe that can be read; None at the end of the file, and of what finds a place to go on by itself.

        It is sought: MP4 does not count the samples that it cannot read, and gives those behind them the times of others. A file
        whose first frame cannot be read has no beginning to count from. It goes on behind all that was read: where times step
        back, what lies before would come again, and the hole too.
        """
        if self.format != MP4 or self._timeline is None:
            return None
        read_until_dts = self._begun_at_dts if self._read_until_dts is None else self._read_until_dts
        entries = self._stream.index_entries
        place = entries.search_timestamp(min(read_until_dts + 1, LARGEST_PTS), backward=False)
        for entry in map(entries.__getitem__, range(place, len(entries)) if place >= 0 else ()):
            if not entry.is_keyframe or entry.pos + entry.size > self._file.size_bytes:
                continue
            with suppress(FFmpegError):
                self._container.seek(entry.timestamp, backward=False, stream=self._stream)
            packet = self._read()
            if packet is not None and packet.dts is not None and packet.dts > read_until_dts:
                return packet
        return None


def _pts_of(decoded: av.VideoFrame | None) -> int | None:
    return None if decoded is None or decoded.is_corrupt else decoded.pts

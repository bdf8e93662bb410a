"""A span of original media as an MP4 that a browser plays: packets copied where it can play them, made anew where not.

A copied span begins at a keyframe, often before the wanted moment. Timestamps are shifted so that the wanted frame has 0;
the muxer then writes an edit list, and players decode what is before 0 without showing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from originals.access import Access
from originals.whole_file import WholeFile
from services.query.media.original import Held, NothingThereError, Original, UnreadableError, opened_at
from services.query.media.stretches import Stretch
from services.query.media.tracks import (
    Parameters,
    Track,
    audio_parameters,
    audio_track,
    codec_of,
    plays_as_it_is,
    video_parameters,
    video_track,
)

TRANSCODED_SPAN_LIMIT_MS: Final = 60_000
LARGEST_BYTES: Final = 1 << 30
BUFFER_BYTES: Final = 1 << 18


class SpanTooLongError(Exception):
    """The span is longer than clips of this source may be: it has too many bytes, or would have to be transcoded."""


def cut_clip(
    stretches: Sequence[Stretch],
    start_ms: int,
    end_ms: int,
    clip: Path,
    access: Access,
    check: Callable[[], None],
    *,
    largest_bytes: int = LARGEST_BYTES,
) -> bool:
    """Write the half-open span [start_ms, end_ms) of a timeline to `clip`; it begins with the frame shown at `start_ms`.

    What lies between two stretches stays a gap in time, in which the last frame is held. Where a stretch has other parameters
    than the first (a camera's resolution was changed) the clip ends. `access` judges where files lie. `check` is called before
    each packet and raises to give up. Returns whether the span can have no more: False where its end is not recorded yet.
    Raises `UnreadableError`, `NothingThereError`, `SpanTooLongError`.
    """
    with _blaming_media(), _written(clip) as output:
        with_gaps = not all(stretch.continues for stretch in stretches[1:])
        cut = _Cut(output, start_ms, end_ms, largest_bytes, with_gaps=with_gaps)
        over, nothing = False, NothingThereError("nothing was given to cut from")
        for stretch in stretches:
            try:
                with opened_at(stretch, start_ms, access, check, with_audio=True, threads=0) as original:
                    if not cut.takes(original):
                        over = True
                        break
                    over = cut.append(original, stretch) or stretch.until_ms is not None
            except NothingThereError as error:
                over, nothing = stretch.until_ms is not None, error
        if not cut.has_begun:
            raise nothing
        cut.finish()
        return over


@contextmanager
def _written(clip: Path) -> Iterator[OutputContainer]:
    """Open a clip for writing. The file is ours: PyAV leaves its own open where the disk has no room for the first bytes."""
    options = {"movflags": "+faststart"}
    with (
        WholeFile(clip, "wb") as file,
        av.open(file, "w", format="mp4", options=options, buffer_size=BUFFER_BYTES) as output,
    ):
        yield output


@contextmanager
def _blaming_media() -> Iterator[None]:
    """Turn what FFmpeg refuses to write into `UnreadableError`; an error of the disk that the clip is written to stays one."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise UnreadableError(f"the original media cannot be made into a clip: {error.strerror}") from error


class _Cut:
    """A clip being written. Its tracks and its time 0 come from the first file that shows a part of the span."""

    def __init__(self, output: OutputContainer, start_ms: int, end_ms: int, largest_bytes: int, *, with_gaps: bool) -> None:
        self._output, self._start_ms, self._end_ms, self._with_gaps = output, start_ms, end_ms, with_gaps
        self._room_bytes = largest_bytes
        self._zero_seconds = Fraction(start_ms, 1000)
        self._video: Track | None = None
        self._audio: Track | None = None
        self._video_parameters: Parameters = ()
        self._audio_parameters: Parameters = ()

    @property
    def has_begun(self) -> bool:
        """Whether there is anything in the clip."""
        return self._video is not None

    def takes(self, original: Original) -> bool:
        """Whether the video of a file can follow what is there."""
        return not self.has_begun or self._video_parameters == video_parameters(original.video)

    def append(self, original: Original, stretch: Stretch) -> bool:
        """Add what a stretch shows of the span; tell whether it has been read until the end of either."""
        packets = original.reading()
        if stretch.recorded and not (self.has_begun and stretch.continues):
            packets = (packet for packet in packets if not _is_orphan(packet, original))
        lead: Sequence[Packet[Stream]] = ()
        if not self.has_begun:
            _refuse_long_transcoding(original.video, self._end_ms - self._start_ms)
            if self._start_ms >= original.timeline.start_ms:
                lead, first_pts = _lead(packets, original, self._start_ms)
                self._zero_seconds = original.timeline.seconds(first_pts)
            self._begin(original)
        elif not stretch.continues:
            self._leave()
        tracks = self._enter(original)
        span = _Span(original, self._zero_seconds, self._end_ms, stretch.until_ms)
        for packet in span.of(chain(lead, packets)):
            if (track := tracks.get(packet.stream.index)) is not None:
                self._mux(track.feed(packet))
        return span.ended

    def finish(self) -> None:
        """Write what is held."""
        for track in (self._video, self._audio):
            self._mux(track.finish() if track is not None else ())

    def _leave(self) -> None:
        for track in (self._video, self._audio):
            self._mux(track.leave() if track is not None else ())

    def _begin(self, original: Original) -> None:
        video, audio = original.video, original.audio
        self._video, self._video_parameters = video_track(self._output, video, original.rotation), video_parameters(video)
        if audio is not None:
            self._audio = audio_track(self._output, audio, with_gaps=self._with_gaps)
            self._audio_parameters = audio_parameters(audio)

    def _enter(self, original: Original) -> dict[int, Track]:
        """Place a file on the clip's time axis; sound that cannot follow what is there is left out."""
        video, audio = original.video, original.audio
        tracks = {video.index: self._placed(self._video, video, original)}
        if audio is not None and self._audio is not None and self._audio_parameters == audio_parameters(audio):
            tracks[audio.index] = self._placed(self._audio, audio, original)
        return tracks

    def _placed(self, track: Track | None, stream: VideoStream | AudioStream, original: Original) -> Track:
        assert track is not None
        assert stream.time_base is not None
        track.enter(round((self._zero_seconds - original.timeline.seconds(0)) / stream.time_base))
        return track

    def _mux(self, packets: Iterable[Packet[Stream]]) -> None:
        for packet in packets:
            self._room_bytes -= packet.size
            if self._room_bytes < 0:
                raise SpanTooLongError("this span has more bytes than a clip may have: ask for a shorter one")
            self._output.mux(packet)


def _is_orphan(packet: Packet[Stream], original: Original) -> bool:
    """Tell of a picture that is shown before the first keyframe and refers to what came before that."""
    return packet.stream is original.video and packet.pts is not None and packet.pts < original.timeline.first_pts


def _refuse_long_transcoding(video: VideoStream, span_ms: int) -> None:
    if span_ms > TRANSCODED_SPAN_LIMIT_MS and not plays_as_it_is(video):
        raise SpanTooLongError(
            f"this source is {codec_of(video)} ({video.codec_context.pix_fmt}), which browsers do not play, "
            f"so its clips are transcoded: at most {TRANSCODED_SPAN_LIMIT_MS} ms, not {span_ms} ms"
        )


def _lead(packets: Iterator[Packet[Stream]], original: Original, start_ms: int) -> tuple[Sequence[Packet[Stream]], int]:
    """Take packets until the frame on display at `start_ms` is known; return those from its keyframe on, with its pts."""
    after = original.timeline.pts_at(start_ms + 1)
    lead = Held()
    shown: int | None = None
    last_pts = original.timeline.first_pts
    for packet in packets:
        if _begins_anew(packet, original, after):
            lead, shown = _from(packet, lead, original), None
        lead.append(packet)
        if packet.stream is not original.video or packet.pts is None:
            continue
        last_pts = max(last_pts, packet.pts)
        if packet.pts < after and not packet.is_discard:
            shown = packet.pts if shown is None else max(shown, packet.pts)
        if packet.dts is not None and packet.dts >= after:
            return lead, original.timeline.first_pts if shown is None else shown
    end_ms = original.end_after(last_pts)
    if shown is None or start_ms > end_ms:
        raise NothingThereError(f"start_ms {start_ms}: the recording ends at {end_ms} ms")
    return lead, shown


def _begins_anew(packet: Packet[Stream], original: Original, after: int) -> bool:
    """Tell of a keyframe before `after`: nothing that is shown from it on refers to what came before it."""
    return packet.stream is original.video and packet.is_keyframe and packet.pts is not None and packet.pts < after


def _from(keyframe: Packet[Stream], lead: Held, original: Original) -> Held:
    """Return what is heard with a keyframe or later, of what lies before it."""
    assert keyframe.pts is not None
    begins, kept = keyframe.pts * keyframe.time_base, Held()
    for packet in lead:
        if packet.stream is not original.video and packet.pts is not None and packet.pts * packet.time_base >= begins:
            kept.append(packet)
    return kept


class _Span:
    """The packets of a file that the frames before a moment need (decoding order is not display order), and their sound.

    `ended`: the file has been read up to that moment, so nothing that it may still get belongs to the span.
    """

    def __init__(self, original: Original, zero_seconds: Fraction, end_ms: int, until_ms: int | None) -> None:
        timeline = original.timeline
        self._video = original.video
        self._end_pts = timeline.pts_at(end_ms if until_ms is None else min(end_ms, until_ms))
        self._sound_from_seconds = zero_seconds - timeline.seconds(0)
        self._sound_until_seconds = Fraction(end_ms, 1000) - timeline.seconds(0)
        self.ended = False

    def of(self, packets: Iterable[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        """Yield those packets. Sound begins at time 0 of the clip: Chromium takes Opus before it for a longer one."""
        held = Held()
        for packet in packets:
            assert packet.pts is not None
            if packet.stream is not self._video:
                if self._is_heard(packet):
                    yield packet
                continue
            self.ended = packet.dts is not None and packet.dts >= self._end_pts  # asked first: who takes a packet may move it
            held.append(packet)
            if packet.pts < self._end_pts:
                yield from held
                held.clear()
            if self.ended:
                return

    def _is_heard(self, packet: Packet[Stream]) -> bool:
        assert packet.pts is not None
        return self._sound_from_seconds <= packet.pts * packet.time_base < self._sound_until_seconds

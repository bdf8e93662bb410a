"""A span of original media as an MP4 that a browser plays: packets copied where it can play them, made anew where not.

A copied span begins at a keyframe, often before the wanted moment. Timestamps are shifted so that the wanted frame has 0;
the muxer then writes an edit list, and players decode what is before 0 without showing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from services.query.media.encoding import EncodedAudio, EncodedVideo
from services.query.media.original import NothingThereError, Original, opened_at

EIGHT_BIT: Final = frozenset({"yuv420p", "yuvj420p"})
TEN_BIT: Final = EIGHT_BIT | {"yuv420p10le"}
PLAYED_VIDEO: Final = {"h264": EIGHT_BIT, "vp9": TEN_BIT, "av1": TEN_BIT}
PLAYED_AUDIO: Final = frozenset({"aac", "mp3", "opus"})
TRANSCODED_SPAN_LIMIT_MS: Final = 60_000


class SpanTooLongError(Exception):
    """The span would have to be transcoded and is longer than that is done for."""


class Track(Protocol):
    """One stream on its way into the clip."""

    def feed(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Take a packet of the original, give the packets of the clip that it completes."""
        ...

    def finish(self) -> Iterable[Packet[Stream]]:
        """Give what is held."""
        ...


@dataclass(frozen=True)
class CopiedTrack:
    """Packets as they are, moved on the time axis by `shift` (in the original's time base)."""

    stream: Stream
    shift: int

    def feed(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Shift one packet."""
        assert packet.pts is not None
        packet.pts -= self.shift
        packet.dts = None if packet.dts is None else packet.dts - self.shift
        packet.stream = self.stream
        return (packet,)

    def finish(self) -> Iterable[Packet[Stream]]:
        """Hold nothing."""
        return ()


def plays_as_it_is(video: VideoStream) -> bool:
    """Tell whether browsers play this stream inside an MP4 (measured in Chromium: no HEVC, no 10-bit H.264)."""
    return video.codec_context.pix_fmt in PLAYED_VIDEO.get(_codec(video), frozenset())


def _codec(stream: VideoStream | AudioStream) -> str:
    return stream.codec_context.codec.canonical_name


def cut_clip(address: str, start_ms: int, end_ms: int, clip: Path, check: Callable[[], None]) -> None:
    """Write the half-open span [start_ms, end_ms) of a file's timeline to `clip`; it begins with the frame shown at `start_ms`.

    `check` is called before each packet and raises to give up. Raises `UnreadableError`, `NothingThereError`, `SpanTooLongError`.
    """
    with opened_at(address, start_ms, with_audio=True, threads=0) as original:
        _refuse_long_transcoding(original.video, end_ms - start_ms)
        packets = original.reading(check)
        lead, first_pts = _lead(packets, original, start_ms)
        with av.open(str(clip), "w", format="mp4", options={"movflags": "+faststart"}) as output:
            tracks = _tracks(output, original, first_pts)
            for packet in _span(chain(lead, packets), original, first_pts, end_ms):
                for finished in tracks[packet.stream.index].feed(packet):
                    output.mux(finished)
            for finished in chain.from_iterable(track.finish() for track in tracks.values()):
                output.mux(finished)


def _refuse_long_transcoding(video: VideoStream, span_ms: int) -> None:
    if span_ms > TRANSCODED_SPAN_LIMIT_MS and not plays_as_it_is(video):
        raise SpanTooLongError(
            f"this source is {_codec(video)} ({video.codec_context.pix_fmt}), which browsers do not play, "
            f"so its clips are transcoded: at most {TRANSCODED_SPAN_LIMIT_MS} ms, not {span_ms} ms"
        )


def _lead(packets: Iterator[Packet[Stream]], original: Original, start_ms: int) -> tuple[list[Packet[Stream]], int]:
    """Take packets until the frame on display at `start_ms` is known; return them with its pts."""
    after = original.timeline.pts_at(start_ms + 1)
    lead: list[Packet[Stream]] = []
    shown: int | None = None
    last_pts = original.timeline.first_pts
    for packet in packets:
        lead.append(packet)
        if packet.stream is not original.video or packet.pts is None:
            continue
        last_pts = max(last_pts, packet.pts)
        if packet.pts < after and not packet.is_discard:
            shown = packet.pts if shown is None else max(shown, packet.pts)
        if packet.dts is not None and packet.dts >= after:
            return lead, original.timeline.first_pts if shown is None else shown
    frame_seconds = 1 / (original.video.average_rate or Fraction(25))
    end_ms = original.timeline.t_ms(original.timeline.pts_after(last_pts, frame_seconds))
    if shown is None or start_ms > end_ms:
        raise NothingThereError(f"start_ms {start_ms}: the recording ends at {end_ms} ms")
    return lead, shown


def _span(packets: Iterable[Packet[Stream]], original: Original, first_pts: int, end_ms: int) -> Iterator[Packet[Stream]]:
    """Yield the packets that the frames before `end_ms` need (decoding order is not display order), and the sound beside them.

    Sound begins at time 0: Chromium takes Opus before it for a longer clip.
    """
    end_pts = original.timeline.pts_at(end_ms)
    from_seconds = first_pts * original.timeline.time_base
    until_seconds = end_pts * original.timeline.time_base
    held: list[Packet[Stream]] = []
    for packet in packets:
        assert packet.pts is not None
        if packet.stream is not original.video:
            if packet.time_base is not None and from_seconds <= packet.pts * packet.time_base < until_seconds:
                yield packet
            continue
        ended = packet.dts is not None and packet.dts >= end_pts  # asked first: who takes a packet may move its times
        held.append(packet)
        if packet.pts < end_pts:
            yield from held
            held.clear()
        if ended:
            return


def _tracks(output: OutputContainer, original: Original, first_pts: int) -> dict[int, Track]:
    video = original.video
    tracks: dict[int, Track] = {
        video.index: CopiedTrack(output.add_stream_from_template(video, opaque=True), first_pts)
        if plays_as_it_is(video)
        else EncodedVideo(output, video, first_pts, original.rotation)
    }
    if original.audio is not None:
        tracks[original.audio.index] = _audio_track(output, original.audio, first_pts * original.timeline.time_base)
    return tracks


def _audio_track(output: OutputContainer, audio: AudioStream, start_seconds: Fraction) -> Track:
    assert audio.time_base is not None
    shift = round(start_seconds / audio.time_base)
    if _codec(audio) in PLAYED_AUDIO:
        return CopiedTrack(output.add_stream_from_template(audio, opaque=True), shift)
    return EncodedAudio(output, audio, shift)

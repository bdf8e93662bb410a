"""One stream on its way into a clip, and which streams browsers play as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final, Protocol

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from services.query.media.encoding import EncodedAudio, EncodedVideo

EIGHT_BIT: Final = frozenset({"yuv420p", "yuvj420p"})
TEN_BIT: Final = EIGHT_BIT | {"yuv420p10le"}
PLAYED_VIDEO: Final = {"h264": EIGHT_BIT, "vp9": TEN_BIT, "av1": TEN_BIT}
PLAYED_AUDIO: Final = frozenset({"aac", "mp3", "opus"})


Parameters = tuple[Any, ...]


class Track(Protocol):
    """One stream on its way into the clip, through one file after another."""

    def enter(self, shift: int) -> None:
        """Move what comes on the time axis by `shift` (in its time base): it is of another file."""
        ...

    def feed(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Take a packet of the file, give the packets of the clip that it completes."""
        ...

    def leave(self) -> Iterable[Packet[Stream]]:
        """Give what is held before a gap: what comes refers to nothing before it."""
        ...

    def finish(self) -> Iterable[Packet[Stream]]:
        """Give what is held."""
        ...


class CopiedTrack:
    """Packets as they are, moved on the time axis. Decoding times that meet where two files do are moved apart."""

    def __init__(self, output: OutputContainer, stream: VideoStream | AudioStream) -> None:
        self._stream = output.add_stream_from_template(stream, opaque=True)
        self._shift = 0
        self._last_seconds: Fraction | None = None

    def enter(self, shift: int) -> None:
        """Move what comes on the time axis by `shift` (in its time base)."""
        self._shift = shift

    def feed(self, packet: Packet[Stream]) -> Iterable[Packet[Stream]]:
        """Shift one packet."""
        assert packet.pts is not None
        assert packet.time_base is not None
        packet.pts -= self._shift
        if packet.dts is not None:
            packet.dts = self._after_the_last(packet.dts - self._shift, packet.time_base)
            if packet.dts > packet.pts:
                return ()  # what another file has shown already
            self._last_seconds = packet.dts * packet.time_base
        packet.stream = self._stream
        return (packet,)

    def leave(self) -> Iterable[Packet[Stream]]:
        """Hold nothing."""
        return ()

    def finish(self) -> Iterable[Packet[Stream]]:
        """Hold nothing."""
        return ()

    def _after_the_last(self, dts: int, time_base: Fraction) -> int:
        return dts if self._last_seconds is None else max(dts, math.floor(self._last_seconds / time_base) + 1)


def video_track(output: OutputContainer, video: VideoStream, rotation: int) -> Track:
    """Add the track of a video to a clip."""
    return CopiedTrack(output, video) if plays_as_it_is(video) else EncodedVideo(output, video, rotation)


def audio_track(output: OutputContainer, audio: AudioStream, *, with_gaps: bool) -> Track:
    """Add the track of a sound to a clip. Sound with gaps is made anew."""
    as_it_is = codec_of(audio) in PLAYED_AUDIO and not with_gaps
    return CopiedTrack(output, audio) if as_it_is else EncodedAudio(output, audio)


def video_parameters(video: VideoStream) -> Parameters:
    """Return what must be the same in all files that one track is made of."""
    context = video.codec_context
    return codec_of(video), video.time_base, bytes(context.extradata or b""), context.width, context.height, context.pix_fmt


def audio_parameters(audio: AudioStream) -> Parameters:
    """Return what must be the same in all files that one track is made of."""
    context = audio.codec_context
    return codec_of(audio), audio.time_base, bytes(context.extradata or b""), context.sample_rate, context.layout.name


def plays_as_it_is(video: VideoStream) -> bool:
    """Tell whether browsers play this stream inside an MP4 (measured in Chromium: no HEVC, no 10-bit H.264)."""
    return video.codec_context.pix_fmt in PLAYED_VIDEO.get(codec_of(video), frozenset())


def codec_of(stream: VideoStream | AudioStream) -> str:
    """Return the name of a stream's codec."""
    return stream.codec_context.codec.canonical_name

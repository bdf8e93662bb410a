"""Streams made anew for a clip: 8-bit H.264 and AAC, which every browser plays."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from originals.matrices import stand_in
from services.query.media.original import decodable, explaining

LONG_SIDE_PX: Final = 1280
X264_OPTIONS: Final = {"preset": "veryfast", "crf": "23"}
AUDIO_RATE: Final = 48_000
HEARD_GAP_SECONDS: Final = Fraction(1, 10)


def fitted_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """Shrink a size until its long side is at most `long_side` pixels; both sides come out even, as 4:2:0 needs."""
    scale = min(1.0, long_side / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class EncodedVideo:
    """Frames from time 0 of the clip on, at most 1280 px long. The picture stays as it lies; `rotation` goes into the container.

    One decoder takes the packets of all files: the first pictures of one may refer to the last of another.
    """

    def __init__(self, output: OutputContainer, video: VideoStream, rotation: int) -> None:
        self._decoder = video.codec_context
        self._shift = 0
        self._last_pts = -1
        stream = output.add_stream("libx264", rate=video.average_rate or 25, options=dict(X264_OPTIONS))
        stream.width, stream.height = fitted_size(video.codec_context.width, video.codec_context.height, LONG_SIDE_PX)
        stream.pix_fmt = "yuv420p"
        assert video.time_base is not None
        stream.codec_context.time_base = video.time_base
        stream.codec_context.sample_aspect_ratio = video.sample_aspect_ratio or Fraction(1)
        stream.set_display_rotation(rotation)
        self._stream = stream

    def enter(self, shift: int) -> None:
        """Move what comes on the time axis by `shift` (in its time base)."""
        self._shift = shift

    def feed(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Decode one packet and encode the frames that it completes."""
        assert packet.pts is not None
        packet.pts -= self._shift
        for frame in decodable(self._decoder, packet):
            yield from self._encode(frame)

    def leave(self) -> Iterator[Packet[Stream]]:
        """Encode the frames that the decoder holds; what comes refers to none of them."""
        for frame in decodable(self._decoder, None):
            yield from self._encode(frame)
        self._decoder.flush_buffers()

    def finish(self) -> Iterator[Packet[Stream]]:
        """Give what decoder and encoder hold."""
        yield from self.leave()
        yield from self._stream.encode(None)

    def _encode(self, frame: VideoFrame) -> Iterator[Packet[Stream]]:
        if frame.pts is None or frame.pts <= self._last_pts:
            return
        matrix = stand_in(frame)
        with explaining():
            fitted = frame.reformat(self._stream.width, self._stream.height, "yuv420p", matrix, matrix)
        fitted.pts, fitted.time_base = frame.pts, self._stream.codec_context.time_base
        fitted.pict_type = 0  # the encoder places its own keyframes
        self._last_pts = frame.pts
        yield from self._stream.encode(fitted)


class EncodedAudio:
    """Sound as AAC at 48 kHz. Gaps become silence: Chromium plays what follows a gap at once, ahead of the picture."""

    def __init__(self, output: OutputContainer, audio: AudioStream) -> None:
        self._shift = 0
        self._heard_until: Fraction | None = None
        layout = "mono" if audio.codec_context.channels == 1 else "stereo"
        self._stream = output.add_stream("aac", rate=AUDIO_RATE, layout=layout)

    def enter(self, shift: int) -> None:
        """Move what comes on the time axis by `shift` (in its time base)."""
        self._shift = shift

    def feed(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Decode one packet and encode the sound that it completes."""
        for frame in packet.decode():
            assert isinstance(frame, AudioFrame)
            if frame.pts is not None:
                frame.pts -= self._shift
            for heard in self._closed_up(frame):
                yield from self._stream.encode(heard)

    def leave(self) -> Iterator[Packet[Stream]]:
        """Hold nothing that refers to other sound."""
        return iter(())

    def finish(self) -> Iterator[Packet[Stream]]:
        """Give what the encoder holds."""
        yield from self._stream.encode(None)

    def _closed_up(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Yield a frame after the silence between the one before it and its begin."""
        if frame.pts is not None and frame.time_base is not None:
            begins = frame.pts * frame.time_base
            until = begins if self._heard_until is None else self._heard_until
            if begins - until >= HEARD_GAP_SECONDS:
                yield from _silence(frame, frame.time_base, until, begins)
            self._heard_until = begins + Fraction(frame.samples, frame.sample_rate)
        yield frame


def _silence(like: AudioFrame, time_base: Fraction, begins: Fraction, ends: Fraction) -> Iterator[AudioFrame]:
    """Yield frames of silence in the format of another frame, at most a second each."""
    samples = int((ends - begins) * like.sample_rate)
    for place in range(0, samples, like.sample_rate):
        frame = AudioFrame(like.format.name, like.layout.name, min(like.sample_rate, samples - place))
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.time_base = like.sample_rate, time_base
        frame.pts = round((begins + Fraction(place, like.sample_rate)) / time_base)
        yield frame

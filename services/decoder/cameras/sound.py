"""Sound of a camera on its way into the recording: as it is where browsers play it, else AAC."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import av
from av.error import FFmpegError

PLAYED: Final = frozenset(("aac", "opus", "mp3"))
RATE: Final = {8000: 16_000}
"""AAC at 8 kHz is refused by some players: telephone sound is written at twice its rate."""

LEAST_APART_SECONDS: Final = Fraction(1, 1000)
"""No packet of sound is as short: where packets lie closer together, the time of the camera stands, or goes back."""


class CopiedSound:
    """Packets as they are."""

    def __init__(self, output: Any, audio: Any) -> None:
        self._stream = output.add_stream_from_template(audio, opaque=True)
        self._last_at = -LEAST_APART_SECONDS

    def feed(self, packet: Any, at: Fraction) -> Iterator[Any]:
        """Move a packet to `at`, seconds of the segment. While time stands packets are left out: FFmpeg refuses a time twice."""
        if at - self._last_at < LEAST_APART_SECONDS:
            return
        self._last_at = at
        packet.pts = packet.dts = round(at / packet.time_base)
        packet.stream = self._stream
        yield packet


class EncodedSound:
    """Decoded and made AAC anew; its timestamps are those of the first packet and the samples since."""

    def __init__(self, output: Any, audio: Any) -> None:
        context = audio.codec_context
        rate = RATE.get(context.sample_rate, context.sample_rate)
        self._decoder = context
        self._stream = output.add_stream("aac", rate=rate)
        self._stream.codec_context.layout = "stereo" if context.channels > 1 else "mono"
        self._resampler = av.AudioResampler(format="fltp", layout=self._stream.codec_context.layout, rate=rate)
        self._begins: int | None = None
        self._rate, self._samples = rate, 0

    def feed(self, packet: Any, at: Fraction) -> Iterator[Any]:
        """Decode, resample, encode. A packet that cannot be decoded is silence."""
        if self._begins is None:
            self._begins = round(at * self._rate)
        try:
            frames = self._decoder.decode(packet)
        except FFmpegError:
            return
        for frame in frames:
            frame.pts = None
            for resampled in self._resampler.resample(frame):
                resampled.pts, resampled.time_base = self._begins + self._samples, Fraction(1, self._rate)
                self._samples += resampled.samples
                yield from self._stream.encode(resampled)


Sound = CopiedSound | EncodedSound


def sound_track(output: Any, audio: Any) -> Sound:
    """Return the way of an audio stream into `output`."""
    copied = audio.codec_context.codec.canonical_name in PLAYED
    return CopiedSound(output, audio) if copied else EncodedSound(output, audio)

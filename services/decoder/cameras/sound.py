"""Sound of a camera on its way into the recording: as it is where browsers play it, else AAC."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import av
from av.error import FFmpegError

DESCRIBED: Final = frozenset(("aac", "opus"))
"""What browsers play, and MP4 takes where the camera has described it beforehand."""

RATES: Final = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025)
"""What AAC can have and all players take, some of which refuse the two below."""

TELEPHONE: Final = {8000: 16_000}
"""Telephone sound is written at twice its rate; that of any other kind at the nearest that can be."""

LEAST_MP3_RATE: Final = 16_000
"""Browsers play all MP3; MP4 takes none below."""

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
        rate = aac_rate(context.sample_rate)
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


def aac_rate(rate: int) -> int:
    """Return the rate at which sound is written, for the one that it has."""
    return TELEPHONE.get(rate) or min(RATES, key=lambda known: abs(known - rate))


Sound = CopiedSound | EncodedSound


def sound_track(output: Any, audio: Any) -> Sound:
    """Return the way of an audio stream into `output`."""
    return CopiedSound(output, audio) if _goes_as_it_is(audio.codec_context) else EncodedSound(output, audio)


def _goes_as_it_is(context: Any) -> bool:
    codec = context.codec.canonical_name
    return context.sample_rate >= LEAST_MP3_RATE if codec == "mp3" else codec in DESCRIBED and bool(context.extradata)

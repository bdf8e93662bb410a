"""PyAV: a camera as packets, over RTSP."""

import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import av
from av.error import FFmpegError

from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.places import Place
from services.decoder.cameras.redirects import refuse_redirects

SILENT_SECONDS: Final = 5.0
READ_SECONDS: Final = SILENT_SECONDS / 2
"""FFmpeg gives up after twice this: the frame that its parser holds comes out at the first expiry."""

FIRST_PICTURE_SECONDS: Final = 15.0
"""Some cameras send sound at once and pictures from their next keyframe on, which may be ten seconds away."""

STOOD_STILL_MS: Final = 30_000
"""Nothing came for so long, though a silent camera is left much earlier: it was this process that stood still. When what waits
for it was taken the clock, which remembers the arrivals of a minute, can no longer tell."""

PROTOCOLS: Final = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,crypto"
PROBED_BYTES, PROBED_MICROSECONDS = 500_000, 1_000_000
"""What was probed is kept: the first keyframe is among it, and the next one may be long in coming."""
FRAMES_TO_ORDER: Final = 4
"""Of so many frames in a row one is the next to be shown, B-frames counted."""
USUAL_RATE: Final = 25

PLAYED: Final = ("h264", "hevc")
WAYS: Final = {"tcp": {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp"}, "udp": {"rtsp_transport": "udp"}}


@dataclass(frozen=True, slots=True)
class CameraPacket:
    """A packet as it came. Times in ms: `pts_ms` in the camera's units, `arrival_ms` and `reported_ms` in UTC.

    `reported_ms` is what the camera's sender reports say of this packet, None before the first.
    """

    packet: Any
    video: bool
    keyframe: bool
    pts_ms: float
    arrival_ms: float
    reported_ms: float | None


class RtspCamera:
    """An open connection. Everything raises `CameraDown` when the camera refuses, is silent or goes away."""

    def __init__(self, place: Place, open_seconds: float = SILENT_SECONDS) -> None:
        """Connect; returns when the camera has described its streams, and has sent something of them.

        `open_seconds` bounds each of the two.
        """
        self._place = place
        options = {
            **WAYS[place.transport],
            "protocol_whitelist": PROTOCOLS,
            "probesize": str(PROBED_BYTES),
            "analyzeduration": str(PROBED_MICROSECONDS),
            "fpsprobesize": "0",  # nobody asks for the rate, and to count pictures takes most of a second
            "timeout": str(int(SILENT_SECONDS * 1e6)),
        }
        try:
            left_seconds = refuse_redirects(place, open_seconds)
            self._container: Any = av.open(
                place.url, options=options, timeout=(left_seconds, READ_SECONDS), metadata_errors="replace"
            )
        except (FFmpegError, OSError) as error:
            raise CameraDown(self._refused(error)) from None
        self.video = self._choose_video()
        self.audio = self._choose_audio()

    @property
    def codec(self) -> str:
        """Name of the video codec: h264 or hevc."""
        return str(self.video.codec_context.codec.canonical_name)

    def packets(self) -> Iterator[CameraPacket]:
        """Yield packets as they come, for as long as the camera sends; ends by `CameraDown` and by nothing else."""
        packets = self._demuxed()
        yield from self._beginning(packets)
        for packet in packets:
            if packet.packet.pts is not None:
                yield packet

    def close(self) -> None:
        """Disconnect."""
        self._container.close()

    def _beginning(self, packets: Iterator[CameraPacket]) -> list[CameraPacket]:
        """Read until the first keyframe has a time: FFmpeg gives it none, and the next one may be long in coming.

        It is shown one frame before the earliest of those that follow it, as far as they are apart.
        """
        read: list[CameraPacket] = []
        later: list[int] = []
        for packet in packets:
            read.append(packet)
            if packet.video and packet.packet.pts is not None:
                later.append(packet.packet.pts)
            if len(later) == FRAMES_TO_ORDER or (later and read[0].packet.pts is not None):
                break
        first = next((one for one in read if one.video), None)
        if first is not None and first.packet.pts is None and later:
            usual = round(1 / (USUAL_RATE * Fraction(first.packet.time_base)))
            step = min((after - before for before, after in pairwise(sorted(later))), default=usual)
            first.packet.pts = min(later) - step
            read[read.index(first)] = replace(first, pts_ms=_pts_ms(first.packet))
        return [one for one in read if one.packet.pts is not None]

    def _demuxed(self) -> Iterator[CameraPacket]:
        """Yield the packets of picture and sound. Those of all streams are read: what else comes says that no picture does."""
        demuxed, patience = self._container.demux(), _Patience(_now_ms())
        while True:
            try:
                packet = next(demuxed)
            except StopIteration:
                break
            except (FFmpegError, OSError) as error:
                raise CameraDown(self._silent(error)) from None
            is_wanted, is_whole = packet.stream in (self.video, self.audio), packet.size > 0 and not packet.is_corrupt
            if is_wanted and packet.size == 0 and packet.pts is None:  # a server that dies ends the stream without an error
                break
            taken = self._taken(packet)
            patience.hear(taken.arrival_ms, has_picture=taken.video and is_whole and packet.pts is not None)
            if is_wanted and is_whole:
                yield taken
        raise CameraDown("the camera has ended the connection")

    def _choose_video(self) -> Any:
        streams = [stream for stream in self._container.streams.video if stream.codec_context is not None]
        if not streams:
            self._container.close()
            raise CameraDown("the camera sends no video, or none that can be decoded")
        codec = streams[0].codec_context.codec.canonical_name
        if codec not in PLAYED:
            self._container.close()
            raise CameraDown(f"the camera sends {codec}: set it to H.264 or H.265")
        return streams[0]

    def _choose_audio(self) -> Any | None:
        """Return the first sound that FFmpeg has a decoder for: of another nobody could say what it is."""
        return next((stream for stream in self._container.streams.audio if stream.codec_context is not None), None)

    def _taken(self, packet: Any) -> CameraPacket:
        video = packet.stream is self.video
        pts_ms = 0.0 if packet.pts is None else _pts_ms(packet)
        return CameraPacket(packet, video, bool(packet.is_keyframe), pts_ms, _now_ms(), _reported_ms(packet))

    def _refused(self, error: Exception) -> str:
        known = {
            "HTTPUnauthorizedError": "the camera wants a user and a password, or others than these: add it as rtsp://USER:PASSWORD@HOST/…",
            "HTTPForbiddenError": "the camera refuses this user",
            "HTTPNotFoundError": "the camera has no stream of this path: look up its RTSP path",
            "ConnectionRefusedError": "nothing listens at the camera's address and port",
            "ExitError": "the camera does not answer in time",
            "TimeoutError": "the camera does not answer in time",
            "InvalidDataError": "what answers does not speak RTSP, or does not answer in time",
        }
        return known.get(type(error).__name__) or f"the camera cannot be opened: {self._words(error)}"

    def _silent(self, error: Exception) -> str:
        if type(error).__name__ in ("ExitError", "TimeoutError"):
            return "the camera has stopped sending"
        return f"the connection to the camera broke: {self._words(error)}"

    def _words(self, error: Exception) -> str:
        return self._place.shown(getattr(error, "strerror", None) or str(error))


class _Patience:
    """Hears when packets arrive, UTC in ms, and says when pictures have been waited for long enough."""

    def __init__(self, now_ms: float) -> None:
        self._last_ms, self._left_ms = now_ms, FIRST_PICTURE_SECONDS * 1000

    def hear(self, arrival_ms: float, *, has_picture: bool) -> None:
        """Take in a packet; raises `CameraDown` when this process stood still, or sound goes on and pictures do not.

        FFmpeg gives up where nothing comes for longer than `READ_SECONDS`: of what passes beyond that the camera knows nothing.
        """
        passed_ms = arrival_ms - self._last_ms
        self._last_ms = arrival_ms
        if passed_ms > STOOD_STILL_MS:
            raise CameraDown(f"the decoder stood still for {passed_ms / 1000:.0f} s; the camera is opened again")
        if has_picture:
            self._left_ms = SILENT_SECONDS * 1000
        elif 0 < passed_ms <= READ_SECONDS * 1000:
            self._left_ms -= passed_ms
        if self._left_ms < 0:
            raise CameraDown("the camera has stopped sending")


def _now_ms() -> float:
    return time.time() * 1000


def _pts_ms(packet: Any) -> float:
    time_base = packet.time_base
    return float(packet.pts * 1000 * time_base.numerator / time_base.denominator)


def _reported_ms(packet: Any) -> float | None:
    """Read the wall clock that FFmpeg computes from sender reports: side data `prft`, microseconds first."""
    for side in packet.iter_sidedata():
        if side.data_type == "prft":
            (microseconds,) = struct.unpack_from("<q", bytes(side))
            return float(microseconds) / 1000
    return None

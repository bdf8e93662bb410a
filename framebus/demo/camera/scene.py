"""PyAV: a source that is drawn and encoded while it is sent, so that its pictures can show the time at which they were made."""

import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final, Literal

import av
import numpy as np
from av.codec.context import Flags

from framebus.demo.camera.nal import nal_units
from framebus.demo.camera.rtp import packets
from framebus.demo.camera.timecode import Picture, draw_number
from framebus.demo.camera.track import VIDEO_PAYLOAD_TYPE, Track, Unit
from framebus.demo.camera.video import CODECS, access_unit_payloads

Codec = Literal["h264", "hevc"]

QUICK: Final = {"preset": "ultrafast", "tune": "zerolatency"}
ENCODERS: Final[Mapping[Codec, tuple[str, Mapping[str, str]]]] = {
    "h264": ("libx264", QUICK),
    "hevc": ("libx265", {**QUICK, "x265-params": "log-level=none:pools=none:frame-threads=1:open-gop=0"}),
}


def show_clock(wall_ms: int, picture: Picture) -> None:
    """Draw the time, as `timecode.read_number` reads it, over a bar that moves once in two seconds."""
    picture[:] = 96
    left = wall_ms % 2000 * picture.shape[1] // 2000
    picture[picture.shape[0] // 2 :, left : left + picture.shape[1] // 10] = (240, 200, 40)
    draw_number(picture, wall_ms)


class LiveScene:
    """H.264 or H.265 of pictures that `draw` makes.

    It gets the wall clock in ms since 1970 and an RGB picture (height, width, 3) to fill. Drawing and encoding take place in the
    loop of the server, once for all viewers: keep the picture small.
    """

    def __init__(
        self,
        draw: Callable[[int, Picture], None] = show_clock,
        *,
        size: tuple[int, int] = (320, 180),
        fps: float = 25.0,
        gop_seconds: float = 1.0,
        codec: Codec = "h264",
    ) -> None:
        self._draw, self._size, self._codec = draw, size, codec
        self.fps = fps
        self._gop = max(1, round(fps * gop_seconds))
        self._sets = CODECS[codec].parameters(bytes(self.encoder().extradata)).sets
        self._picture = np.zeros((size[1], size[0], 3), np.uint8)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Return the one track of the scene."""
        return (CODECS[self._codec].track(self._sets),)

    def playback(self, from_seconds: float) -> "Broadcast":
        """Begin to draw."""
        return Broadcast(self, from_seconds)

    def encoder(self) -> Any:
        """Return a fresh encoder: one picture in, one packet out."""
        name, options = ENCODERS[self._codec]
        encoder: Any = av.CodecContext.create(name, "w")
        encoder.width, encoder.height = self._size
        encoder.pix_fmt, encoder.gop_size = "yuv420p", self._gop
        encoder.framerate = Fraction(self.fps).limit_denominator(1001)
        encoder.time_base = 1 / encoder.framerate
        encoder.options, encoder.thread_count = dict(options), 1
        encoder.flags |= Flags.global_header
        encoder.open()
        return encoder

    def frame(self) -> av.VideoFrame:
        """Draw what there is to see now."""
        self._draw(time.time_ns() // 1_000_000, self._picture)
        return av.VideoFrame.from_ndarray(self._picture, "rgb24")

    def unit(self, packet: Any) -> Unit:
        """Return an encoded picture as a unit."""
        keyframe = bool(packet.is_keyframe)
        payloads = access_unit_payloads(nal_units(bytes(packet), 0), self._sets, CODECS[self._codec], keyframe=keyframe)
        return Unit(0, 0.0, 0.0, keyframe, packets(payloads, VIDEO_PAYLOAD_TYPE, channel=0))


class Broadcast:
    """A scene that is being sent."""

    def __init__(self, scene: LiveScene, from_seconds: float) -> None:
        self._scene, self._from_seconds = scene, from_seconds
        self._encoder = scene.encoder()
        self._next = self._drawn = 0

    @property
    def due_seconds(self) -> float:
        """When the next picture is to be drawn."""
        return self._from_seconds + self._next / self._scene.fps

    def take(self, now_seconds: float) -> tuple[Unit, float]:
        """Draw and encode a picture; its pts is now. Pictures that could not be drawn in time are left out."""
        frame = self._scene.frame()
        frame.pts = self._drawn
        self._drawn += 1
        self._next = max(self._next, int((now_seconds - self._from_seconds) * self._scene.fps)) + 1
        (packet,) = self._encoder.encode(frame)
        return self._scene.unit(packet), now_seconds

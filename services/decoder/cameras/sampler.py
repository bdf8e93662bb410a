"""PyAV: the frames of a camera that are sampled, as pictures; nothing else is decoded."""

from dataclasses import dataclass, field
from typing import Any, Final

import av
from av.error import FFmpegError

from schemas.limits import JPEG_PIXELS_LIMIT
from services.decoder.cameras.cadence import Cadence
from services.decoder.cameras.clock import Moment
from services.decoder.cameras.rtsp import RtspCamera
from services.decoder.picture import Painter, Picture
from services.decoder.sampling import Grid

FRAMES_IN_FLIGHT: Final = 64
FRAMES: Final = {"max_pixels": str(JPEG_PIXELS_LIMIT), "err_detect": "explode"}
KEYFRAMES: Final = {**FRAMES, "skip_loop_filter": "all"}
HELD_BYTES_LIMIT: Final = 4_000_000
"""Some seconds of a camera with a detailed picture."""


@dataclass(frozen=True, slots=True)
class CameraSample:
    """A picture and the moment at which it was taken."""

    picture: Picture
    at: Moment


@dataclass
class Decoded:
    """What came out of decoding: samples, in the order of their times; how many frames had a picture, and could be used."""

    samples: list[CameraSample] = field(default_factory=list)
    shown: int = 0
    usable: int = 0


class Sampler:
    """Samples one connection of a camera; `unusable` counts the packets and frames that could not be decoded."""

    def __init__(self, camera: RtspCamera, grid: Grid, cadence: Cadence) -> None:
        self._video = camera.video
        self._grid, self._cadence = grid, cadence
        cadence.begin_connection()
        self._for_keyframes = cadence.keyframes_alone
        self._context = self._open()
        self._painter = Painter()
        self._moments: dict[int, Moment] = {}
        self._last_ms: int | None = None
        self._resting = True
        self._gop = _Gop()
        self.unusable = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the camera's picture, as of the last frame."""
        return self._context.width, self._context.height

    def begin_run(self) -> None:
        """Forget the frames before: the next one is a sample."""
        self._cadence.begin_run()
        self._last_ms, self._resting = None, True
        self._gop = _Gop()
        self._moments.clear()

    def decode(self, packet: Any, at: Moment, *, keyframe: bool) -> Decoded:
        """Decode a packet if anything that will be sampled needs it, and those since the keyframe if they were not yet.

        A frame is let go of before the next one is decoded: those of a minute would take gigabytes.
        """
        decoded = Decoded()
        self._gop.add(packet, at, keyframe=keyframe)
        if not self._cadence.wants(at.t_ms, self._last_ms, keyframe=keyframe):
            self._resting = True
            return decoded
        packets = self._gop.packets if self._resting else [(packet, at)]
        if self._resting and packets:
            self._begin()
        for one, taken_at in packets:
            for frame in self._decode(one, taken_at):
                self._sample(frame, decoded)
            if self._resting:
                break
        return decoded

    def _decode(self, packet: Any, at: Moment) -> list[av.VideoFrame]:
        self._moments[packet.pts] = at
        if len(self._moments) > FRAMES_IN_FLIGHT:
            del self._moments[next(iter(self._moments))]
        try:
            frames = list(self._context.decode(packet))
            if self._for_keyframes:  # nothing follows that would push the frame out
                frames += self._context.decode(None)
                self._resting = True
        except FFmpegError:
            self.unusable += 1
            self._resting = True
            self._gop.leave()
            return []
        return frames

    def _begin(self) -> None:
        """Begin to decode at a keyframe."""
        if self._for_keyframes == self._cadence.keyframes_alone:
            self._context.flush_buffers()
        else:
            self._for_keyframes = self._cadence.keyframes_alone
            self._context = self._open()
        self._resting = False

    def _open(self) -> Any:
        """Open a decoder of its own, which is let go of with the frames that it keeps: keyframes alone need none but one.

        Nothing refers to a lone keyframe, so its deblocking, an eighth of its cost, is left out: what is left of it after scaling
        to a few hundred lines is less than the JPEG loses.
        """
        described = self._video.codec_context
        context: Any = av.CodecContext.create(described.codec.name, "r")
        context.extradata, context.thread_count = described.extradata, 1
        context.options = KEYFRAMES if self._for_keyframes else FRAMES
        return context

    def _sample(self, frame: av.VideoFrame, decoded: Decoded) -> None:
        """Take a frame in: its picture where it is a sample."""
        decoded.shown += not frame.is_corrupt
        at = None if frame.pts is None else self._moments.pop(frame.pts, None)
        if at is None or frame.is_corrupt:
            self.unusable += 1
            return
        decoded.usable += 1
        if self._last_ms is not None and at.t_ms <= self._last_ms:  # time stands, or it was taken before
            return
        is_sample = self._grid.is_sample(self._last_ms, at.t_ms)
        self._last_ms = at.t_ms
        if not is_sample or at.repeated:
            return
        picture = self._painter.picture(at.t_ms, frame, self._video.sample_aspect_ratio)
        if picture is None:
            self.unusable += 1
            decoded.usable -= 1
            return
        decoded.samples.append(CameraSample(picture, at))


class _Gop:
    """What has come since the last keyframe, from which decoding can begin; nothing where that is too much, or is damaged."""

    def __init__(self) -> None:
        self.packets: list[tuple[Any, Moment]] = []
        self._bytes = 0

    def add(self, packet: Any, at: Moment, *, keyframe: bool) -> None:
        """Keep a packet: a copy, since writing it to a file changes its times and takes its bytes."""
        if keyframe:
            self.leave()
        elif not self.packets:
            return
        self._bytes += packet.size
        if self._bytes > HELD_BYTES_LIMIT and not keyframe:
            self.leave()
            return
        copy = av.Packet(bytes(packet))
        copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
        self.packets.append((copy, at))

    def leave(self) -> None:
        """Keep nothing until the next keyframe."""
        self.packets, self._bytes = [], 0

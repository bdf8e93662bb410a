"""PyAV: pictures of recorded segments at given times; of a GOP without such a time nothing is decoded."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import av
from av.error import FFmpegError

from originals.errors import Unreachable
from schemas.limits import LARGEST_T_MS
from schemas.messages import Chunk
from schemas.recordings import Segment, life_folder
from services.decoder.cameras.sampler import FRAMES, KEYFRAMES
from services.decoder.margins import Placed
from services.decoder.picture import Painter, Picture

OPTIONS: Final = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2", "protocol_whitelist": "none"}


def recorded_samples(media: Path, chunk: Chunk) -> Iterator[Placed[Picture] | None]:
    """Yield the samples that a chunk names, and None between them: a moment in which the caller may stop.

    One that its recording does not show (any more) is left out. Raises `Unreachable` where the disk does not answer.
    """
    seq, before_ms = 0, -LARGEST_T_MS
    for recorded in chunk.recorded:
        segment = Segment(recorded.start_ms, recorded.run)
        path = media / life_folder(chunk.source_id, chunk.life) / segment.day / segment.name
        for picture in _pictures(path, segment.start_ms, frozenset(recorded.times_ms)):
            if picture is None:
                yield None
            elif picture.t_ms > before_ms:  # a damaged film may show a time twice, or late
                yield Placed(picture, seq, context=not chunk.start_ms <= picture.t_ms < chunk.end_ms)
                seq, before_ms = seq + 1, picture.t_ms


def _pictures(path: Path, start_ms: int, times_ms: Collection[int]) -> Iterator[Picture | None]:
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unreachable(f"{path.name} cannot be read: {error.strerror}") from None
    with stream:
        try:
            container: Any = av.open(stream, options=OPTIONS, metadata_errors="replace")
        except FFmpegError:  # its recorder was killed before the file had a beginning
            return
        except OSError as error:  # of the file itself: PyAV passes it on as it is
            raise Unreachable(f"{path.name} cannot be read: {error.strerror}") from None
        with container:
            if container.streams.video:
                yield from _Film(container, start_ms, times_ms).pictures()


class _Film:
    """One open segment. A picture needs its GOP, and the GOP before where it is shown before its own keyframe."""

    def __init__(self, container: Any, start_ms: int, times_ms: Collection[int]) -> None:
        self._container, self._start_ms, self._times_ms = container, start_ms, times_ms
        self._video = container.streams.video[0]
        self._first_pts: int | None = None
        self._painter = Painter()

    def pictures(self) -> Iterator[Picture | None]:
        """Yield the pictures in the order of their times, and None after each GOP."""
        last_ms = max(self._times_ms, default=self._start_ms)
        before: list[Any] = []
        for gop in self._gops():
            wanted = {packet.pts for packet in gop if self._t_ms(packet.pts) in self._times_ms}
            if wanted:
                yield from self._decoded(before if min(wanted) < gop[0].pts else [], gop, wanted)
            yield None
            if self._t_ms(gop[0].pts) > last_ms:
                return
            before = gop

    def _gops(self) -> Iterator[list[Any]]:
        """Yield the packets from one keyframe to the next; a file that is still growing ends where it has come to."""
        gop: list[Any] = []
        for packet in self._packets():
            if packet.is_keyframe and gop:
                yield gop
                gop = []
            if gop or packet.is_keyframe:
                gop.append(packet)
        if gop:
            yield gop

    def _packets(self) -> Iterator[Any]:
        packets = self._container.demux(self._video)
        while True:
            try:
                packet = next(packets)
            except OSError as error:
                raise Unreachable(f"a recording cannot be read: {error.strerror}") from None
            except (FFmpegError, StopIteration):
                return
            if packet.pts is None:
                return
            if self._first_pts is None:
                self._first_pts = packet.pts
            yield packet

    def _t_ms(self, pts: int) -> int:
        time_base = self._video.time_base
        after_ms: int = (pts - (self._first_pts or 0)) * 1000 * time_base.numerator // time_base.denominator
        return self._start_ms + after_ms

    def _decoded(self, before: list[Any], gop: list[Any], wanted: set[int]) -> Iterator[Picture | None]:
        context = self._context(KEYFRAMES if wanted == {gop[0].pts} else FRAMES)
        left = set(wanted)
        for packet in (*before, *gop, None):
            for frame in _frames(context, packet):
                if frame.pts in left and not frame.is_corrupt:
                    left.discard(frame.pts)
                    yield self._painter.picture(self._t_ms(frame.pts), frame, self._video.sample_aspect_ratio)
            if not left:
                return

    def _context(self, options: dict[str, str]) -> Any:
        described = self._video.codec_context
        context: Any = av.CodecContext.create(described.codec.name, "r")
        context.extradata, context.thread_count, context.options = described.extradata, 1, options
        return context


def _frames(context: Any, packet: Any) -> list[Any]:
    try:
        return list(context.decode(packet))
    except FFmpegError:
        return []

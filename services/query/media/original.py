"""Original media, opened with as few rights as possible and positioned at a moment.

FFmpeg opens far more than video files when it is let: playlists that name local files, `concat:`, `data:`. It is handed
bytes, and opens nothing but our own recordings. Both whitelists hold also for what a file itself refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from originals.access import Access
from originals.address import parse
from originals.errors import Missing, Unreachable, Unreadable
from originals.files import OpenFile, open_file
from originals.formats import CAUTION, NO_PROTOCOL, PIXELS
from originals.timestamps import WRAPS, without_strays
from services.query.media.fragments import whole_bytes
from services.query.media.stretches import Stretch
from services.query.media.timeline import Continuation, Timeline

SHOWN: Final = "the original media"
RECORDED: Final = "subfile,file"
STILLS: Final = Disposition.attached_pic | Disposition.timed_thumbnails
OPEN_TIMEOUT_SECONDS: Final = 10.0
READ_TIMEOUT_SECONDS: Final = 10.0
FAR_MS: Final = 86_400_000
"""Longer than any segment: sought this far, a file is read from its last keyframe."""
LOOK_BACK_SECONDS: Final = (0, 2, 10, 60)
BUFFER_BYTES: Final = 1 << 16
MOST_HELD_BYTES: Final = 256 << 20
"""What is kept until the next keyframe or the next frame is known: more than any video has of that."""
PACKET_BYTES: Final = 1 << 10
"""What a packet takes beside its content."""


class UnreadableError(Exception):
    """The original media cannot be read; its text is for people and names no path."""


class NothingThereError(Exception):
    """Nothing shows the moment, it lies behind the end of what is there; its text says so."""


class GoneError(UnreadableError):
    """The original media is no longer where it was."""


@dataclass(frozen=True)
class Original:
    """An open file, whose `packets` begin with the keyframe that a moment needs. Times are on `timeline`.

    `rotation` is counter-clockwise, in degrees: what a player turns the picture by before it shows it.
    """

    video: VideoStream
    audio: AudioStream | None
    timeline: Timeline
    rotation: int
    packets: Iterator[Packet[Stream]]

    def reading(self) -> Iterator[Packet[Stream]]:
        """Yield the packets. A file ends where it is damaged."""
        with explaining(), suppress(av.error.InvalidDataError):
            for packet in self.packets:
                if packet.pts is not None and not packet.is_corrupt:
                    yield packet

    def end_after(self, last_pts: int) -> int:
        """Return the time at which the frame of the last packet is no longer on display."""
        return self.timeline.t_ms(self.timeline.pts_after(last_pts, 1 / (self.video.average_rate or Fraction(25))))


class Held(list["Packet[Stream]"]):
    """Packets that are kept until it is known what becomes of them; raises `UnreadableError` when that takes too many."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = 0

    def append(self, packet: Packet[Stream], /) -> None:
        """Keep one more."""
        self._bytes += packet.size + PACKET_BYTES
        if self._bytes > MOST_HELD_BYTES:
            limit = f"{MOST_HELD_BYTES >> 20} MiB"
            raise UnreadableError(f"the original media cannot be cut: in {limit} there is no frame to begin or to end with")
        super().append(packet)

    def clear(self) -> None:
        """Keep nothing."""
        self._bytes = 0
        super().clear()


@contextmanager
def opened_at(
    stretch: Stretch, t_ms: int, access: Access, check: Callable[[], None], *, with_audio: bool, threads: int = 1
) -> Iterator[Original]:
    """Open the file of a stretch and position it at the keyframe at or before `t_ms`, or at its beginning.

    `check` is called before each packet, and each piece that a server sends; it raises to give up.
    """
    with ExitStack() as opened:
        file = _file(stretch, access, check)
        if file is not None:
            opened.callback(file.stream.close)
        original: Original | None = None
        if file is None or file.ranged:
            container = opened.enter_context(_open(stretch, file))
            with explaining():
                original = _sought(container, stretch, t_ms, check, with_audio=with_audio, threads=threads)
            if original is None:
                container.close()
        if original is None:
            container = opened.enter_context(_open(stretch, file))
            with explaining():
                original = _from_the_start(container, stretch, t_ms, check, with_audio=with_audio, threads=threads)
        yield original


def shown_until(stretch: Stretch) -> int:
    """Return where the last frame of a segment ends. Raises as `opened_at` does."""
    with opened_at(stretch, stretch.start_ms + FAR_MS, Access(()), lambda: None, with_audio=False) as original:
        last_pts = max((packet.pts or 0 for packet in original.reading()), default=original.timeline.first_pts)
        return original.end_after(last_pts)


@contextmanager
def explaining() -> Iterator[None]:
    """Turn what FFmpeg and servers raise while they are read into `UnreadableError`."""
    try:
        yield
    except (FileNotFoundError, Missing) as error:
        raise GoneError("the original media is no longer where it was: put it back, or remove the source") from error
    except (Unreadable, Unreachable) as error:
        raise UnreadableError(str(error)) from error
    except (av.FFmpegError, OSError) as error:
        raise UnreadableError(f"the original media cannot be read: {error.strerror}") from error


def local_path(address: str) -> Path | None:
    """Return the path of a local address, None for one on another machine."""
    scheme = _scheme(address)
    if scheme not in ("", "file"):
        return None
    return Path(unquote(urlsplit(address).path) if scheme else address)


def _scheme(address: str) -> str:
    return "" if address.startswith("/") else urlsplit(address).scheme.lower()


def _file(stretch: Stretch, access: Access, check: Callable[[], None]) -> OpenFile | None:
    """Open the file of a source, whose address nobody is told; None for a segment, of which FFmpeg reads what is whole."""

    def keep_on() -> bool:
        check()
        return True

    with explaining():
        return None if stretch.recorded else open_file(replace(parse(stretch.address), shown=SHOWN), access, keep_on)


def _open(stretch: Stretch, file: OpenFile | None) -> InputContainer:
    with explaining():
        if file is None:
            return _opened(_whole_part(stretch.address), RECORDED)
        file.stream.seek(0)
        return _opened(file.stream, NO_PROTOCOL)


def _opened(file: str | BinaryIO, protocols: str) -> InputContainer:
    return av.open(
        file,
        "r",
        options=CAUTION | {"protocol_whitelist": protocols},
        metadata_errors="replace",
        buffer_size=BUFFER_BYTES,
        timeout=(OPEN_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
    )


def _whole_part(path: str) -> str:
    """Name the whole fragments of a segment: its address is made by us, so `subfile` is safe here."""
    end = whole_bytes(Path(path))
    if end == 0:
        raise NothingThereError("the recording has just begun")
    return f"subfile,,start,0,end,{end},,:{path}"


def _streams(container: InputContainer, *, with_audio: bool, threads: int) -> tuple[VideoStream, AudioStream | None]:
    """Choose the streams that the decoder samples and that a player would play; a cover picture is no video."""
    moving = [
        stream for stream in container.streams.video if not stream.disposition & STILLS and stream.codec_context is not None
    ]
    if not moving:
        raise UnreadableError("the original media has no video stream that can be decoded")
    best = container.streams.best("video")
    video = next((stream for stream in moving if stream is best), moving[0])
    video.codec_context.thread_count = threads
    video.codec_context.options = dict(PIXELS)
    audio = container.streams.best("audio", related=video) if with_audio else None
    for stream in container.streams:
        if stream is not video and stream is not audio:
            stream.discard = Discard.all  # a hole in what is not shown is none
    return video, audio if isinstance(audio, AudioStream) and audio.codec_context is not None else None


def decodable(decoder: VideoCodecContext, packet: Packet[Stream] | None) -> list[VideoFrame]:
    """Return the frames that a packet completes (None: those still held); a damaged packet costs its own frames."""
    try:
        return list(decoder.decode(packet))
    except av.error.InvalidDataError:
        return []


def _beginning(stretch: Stretch, video: VideoStream, packets: Iterable[Packet[Stream]]) -> tuple[Timeline, int]:
    """Return the timeline, and the rotation. A segment is on it by its first packet, and nobody turns a camera's picture."""
    if not stretch.recorded:
        return _first_frame(video, packets)
    assert video.time_base is not None
    for packet in packets:
        if packet.stream is video and packet.pts is not None:
            return Timeline(video.time_base, packet.pts, stretch.start_ms), 0
    raise NothingThereError("the recording has just begun")


def _first_frame(video: VideoStream, packets: Iterable[Packet[Stream]]) -> tuple[Timeline, int]:
    """Return where a file's timeline begins, and the rotation: both are facts of the first frame that is whole."""
    assert video.time_base is not None
    for frame in _decoded(packets, video):
        if frame.pts is not None and not frame.is_corrupt:
            return Timeline(video.time_base, frame.pts), frame.rotation
    raise UnreadableError("no frame of the original media can be decoded")


def _sought(
    container: InputContainer, stretch: Stretch, t_ms: int, check: Callable[[], None], *, with_audio: bool, threads: int
) -> Original | None:
    """Return the original at a keyframe not after `t_ms`, None when the file cannot be sought, or not relied on when it is.

    Raises `NothingThereError` of a moment beyond what a container can count to.

    Containers index by decoding time, so the keyframe found may be shown after the wanted moment: then look further back.
    """
    if not stretch.rises and container.format.name in WRAPS:
        return None
    video, audio = _streams(container, with_audio=with_audio, threads=threads)
    timeline, rotation = _beginning(stretch, video, _demuxed(container, video, None, check))
    wanted = timeline.pts_at(max(t_ms, stretch.start_ms))
    for look_back in LOOK_BACK_SECONDS:
        try:
            container.seek(timeline.pts_after(wanted, Fraction(-look_back)), stream=video)
        except (av.FFmpegError, OSError):
            return None
        except OverflowError:
            raise NothingThereError(f"{t_ms} ms: the recording ends before this moment") from None
        packets = _demuxed(container, video, audio, check)
        lead = _through_keyframe(packets, video)
        if lead and lead[-1].pts is not None and lead[-1].pts <= wanted:
            return Original(video, audio, timeline, rotation, chain(lead, packets))
    return None


def _from_the_start(
    container: InputContainer, stretch: Stretch, t_ms: int, check: Callable[[], None], *, with_audio: bool, threads: int
) -> Original:
    """Return an original that is read from its first packet on, for a picture from the keyframe at or before `t_ms`."""
    video, audio = _streams(container, with_audio=with_audio, threads=threads)
    packets = _demuxed(container, video, audio, check)
    held = Held()
    timeline, rotation = _beginning(stretch, video, _holding(packets, held))
    video.codec_context.flush_buffers()
    packets = chain(held, packets)
    if (wrap_pts := WRAPS.get(container.format.name)) is not None:
        packets = _continued(packets, video, timeline, wrap_pts)
    if not with_audio:
        packets = _from_its_keyframe(packets, timeline.pts_at(max(t_ms, stretch.start_ms)))
    return Original(video, audio, timeline, rotation, packets)


def _continued(
    packets: Iterator[Packet[Stream]], video: VideoStream, timeline: Timeline, wrap_pts: int
) -> Iterator[Packet[Stream]]:
    """Move timestamps that begin anew in the middle of a file to where the index has them."""
    continuation = Continuation(timeline, wrap_pts)
    whole = (packet for packet in packets if not packet.is_corrupt)
    for packet in without_strays(whole, lambda packet: packet.dts if packet.stream is video else None, wrap_pts):
        if packet.pts is None or packet.dts is None:
            continue
        of_video = packet.stream is video
        move = continuation.picture(packet.pts, packet.dts) if of_video else continuation.sound(packet.dts)
        if move is not None:
            packet.pts, packet.dts = packet.pts + move, packet.dts + move
            yield packet


def _from_its_keyframe(packets: Iterator[Packet[Stream]], wanted: int) -> Iterator[Packet[Stream]]:
    """Leave out the pictures that the one at `wanted` does not need."""
    held = Held()
    for packet in packets:
        if packet.is_keyframe and packet.pts is not None and packet.pts < wanted:
            held.clear()
        held.append(packet)
        if packet.dts is not None and packet.dts > wanted:
            break
    yield from held
    yield from packets


def _holding(packets: Iterable[Packet[Stream]], held: Held) -> Iterator[Packet[Stream]]:
    for packet in packets:
        held.append(packet)
        yield packet


def _decoded(packets: Iterable[Packet[Stream]], video: VideoStream) -> Iterator[VideoFrame]:
    for packet in packets:
        if packet.stream is video and not packet.is_corrupt:
            yield from decodable(video.codec_context, packet)


def _demuxed(
    container: InputContainer, video: VideoStream, audio: AudioStream | None, check: Callable[[], None]
) -> Iterator[Packet[Stream]]:
    """Yield the packets; empty ones are of pictures that are lost, but for those that end a stream."""
    streams: list[Stream] = [video] if audio is None else [video, audio]
    for packet in container.demux(*streams):
        check()
        if packet.size or packet.dts is None:
            yield packet


def _through_keyframe(packets: Iterator[Packet[Stream]], video: VideoStream) -> list[Packet[Stream]]:
    """Take packets up to and with the first keyframe; video before it cannot be decoded and is left out."""
    taken = Held()
    for packet in packets:
        if packet.stream is video and packet.is_keyframe:
            return [*taken, packet]
        if packet.stream is not video:
            taken.append(packet)
    return []

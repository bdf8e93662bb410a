"""Original media, opened with as few rights as possible and positioned at a moment.

FFmpeg opens far more than video files when it is let: playlists that name local files, `concat:`, `data:`. Both
whitelists hold for every open, also for what a file itself refers to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from schemas.limits import JPEG_PIXELS_LIMIT
from services.query.media.timeline import Timeline

FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts"
WEB: Final = "http,https,tls,tcp,crypto"
PROTOCOLS: Final = {"": "file", "file": "file", "http": WEB, "https": WEB}
STILLS: Final = Disposition.attached_pic | Disposition.timed_thumbnails
OPEN_TIMEOUT_SECONDS: Final = 10.0
READ_TIMEOUT_SECONDS: Final = 10.0
LOOK_BACK_SECONDS: Final = (0, 2, 10, 60)


class UnreadableError(Exception):
    """The original media cannot be read; its text is for people and names no path."""


class NothingThereError(Exception):
    """The moment lies behind the end of the recording; its text says so."""


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

    def reading(self, check: Callable[[], None]) -> Iterator[Packet[Stream]]:
        """Yield the packets, calling `check` before each. A file ends where it is damaged, as it does for the decoder."""
        with explaining(), suppress(av.error.InvalidDataError):
            for packet in self.packets:
                check()
                if packet.pts is not None and not packet.is_corrupt:
                    yield packet


@contextmanager
def opened_at(address: str, t_ms: int, *, with_audio: bool, threads: int = 1) -> Iterator[Original]:
    """Open a path or http(s) address and position it at the keyframe at or before `t_ms`, or at its beginning."""
    container = _open(address)
    try:
        with explaining():
            original = _sought(container, t_ms, with_audio=with_audio, threads=threads)
        if original is None:
            container.close()
            container = _open(address)
            with explaining():
                original = _from_the_start(container, with_audio=with_audio, threads=threads)
        yield original
    finally:
        container.close()


@contextmanager
def explaining() -> Iterator[None]:
    """Turn what FFmpeg raises while it reads into `UnreadableError`."""
    try:
        yield
    except (FileNotFoundError, av.error.HTTPNotFoundError) as error:
        raise GoneError("the original media is no longer where it was: put it back, or remove the source") from error
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


def _open(address: str) -> InputContainer:
    protocols = PROTOCOLS.get(_scheme(address))
    if protocols is None:
        raise UnreadableError(f"media at {_scheme(address)}: addresses cannot be shown: only files and http(s)")
    name = str(local_path(address) or address)
    with explaining():
        return av.open(
            name,
            options={"protocol_whitelist": protocols, "format_whitelist": FORMATS},
            timeout=(OPEN_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
        )


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
    video.codec_context.options = {"max_pixels": str(JPEG_PIXELS_LIMIT)}
    audio = container.streams.best("audio", related=video) if with_audio else None
    return video, audio if isinstance(audio, AudioStream) and audio.codec_context is not None else None


def decodable(video: VideoStream, packet: Packet[Stream] | None) -> list[VideoFrame]:
    """Return the frames that a packet completes (None: those still held); a damaged packet costs its own frames."""
    try:
        return list(video.codec_context.decode(packet))
    except av.error.InvalidDataError:
        return []


def _first_frame(video: VideoStream, frames: Iterable[VideoFrame]) -> tuple[Timeline, int]:
    """Return where the timeline begins, and the rotation: both are facts of the first frame that is whole."""
    assert video.time_base is not None
    for frame in frames:
        if frame.pts is not None and not frame.is_corrupt:
            return Timeline(video.time_base, frame.pts), frame.rotation
    raise UnreadableError("no frame of the original media can be decoded")


def _sought(container: InputContainer, t_ms: int, *, with_audio: bool, threads: int) -> Original | None:
    """Return the original at a keyframe not after `t_ms`, None when the file cannot be sought.

    Containers index by decoding time, so the keyframe found may be shown after the wanted moment: then look further back.
    """
    video, audio = _streams(container, with_audio=with_audio, threads=threads)
    timeline, rotation = _first_frame(video, _decoded(container.demux(*_present(video, None)), video, []))
    wanted = timeline.pts_at(max(t_ms, 0))
    for look_back in LOOK_BACK_SECONDS:
        try:
            container.seek(timeline.pts_after(wanted, Fraction(-look_back)), stream=video)
        except (av.FFmpegError, OSError):
            return None
        packets = container.demux(*_present(video, audio))
        lead = _through_keyframe(packets, video)
        if lead and lead[-1].pts is not None and lead[-1].pts <= wanted:
            return Original(video, audio, timeline, rotation, chain(lead, packets))
    return None


def _from_the_start(container: InputContainer, *, with_audio: bool, threads: int) -> Original:
    """Return an original that is read from its first packet on; those that the first frame needed are read twice."""
    video, audio = _streams(container, with_audio=with_audio, threads=threads)
    packets = container.demux(*_present(video, audio))
    held: list[Packet[Stream]] = []
    timeline, rotation = _first_frame(video, _decoded(packets, video, held))
    video.codec_context.flush_buffers()
    return Original(video, audio, timeline, rotation, chain(held, packets))


def _decoded(packets: Iterable[Packet[Stream]], video: VideoStream, held: list[Packet[Stream]]) -> Iterator[VideoFrame]:
    for packet in packets:
        held.append(packet)
        if packet.stream is video and not packet.is_corrupt:
            yield from decodable(video, packet)


def _present(video: VideoStream, audio: AudioStream | None) -> list[Stream]:
    return [video] if audio is None else [video, audio]


def _through_keyframe(packets: Iterator[Packet[Stream]], video: VideoStream) -> list[Packet[Stream]]:
    """Take packets up to and with the first keyframe; video before it cannot be decoded and is left out."""
    taken: list[Packet[Stream]] = []
    for packet in packets:
        if packet.stream is video and packet.is_keyframe:
            return [*taken, packet]
        if packet.stream is not video:
            taken.append(packet)
    return []

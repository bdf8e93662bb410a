"""A recorder for tests: numbered videos as the segments of a camera, laid out as `schemas/recordings.py` says."""

from __future__ import annotations

import math
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from schemas.messages import Life, Source
from schemas.recordings import Segment, life_folder

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
"""A fragment ends with a GOP, or after half a second, as those of the decoder's recorder do."""


def camera_source(source_id: str = "cam", *, life: int = 1, record: bool = True) -> Source:
    """Make the record of a camera."""
    lives = tuple(Life(life=number, began_ms=number) for number in range(1, life + 1))
    url = "rtsp://127.0.0.1/x"
    return Source(source_id=source_id, kind="camera", life=life, lives=lives, url=url, sample_fps=1.0, record=record)


def record(
    media: Path, video: Path, start_ms: int, run: int, *, segment_ms: int = 4_000, source_id: str = "cam", life: int = 1
) -> list[Path]:
    """Write a video, captured from `start_ms` on, as a run; the first keyframe after `segment_ms` ends a segment."""
    folder = media / life_folder(source_id, life)
    written: list[Path] = []
    with av.open(str(video)) as source, ExitStack() as segments:
        film = source.streams.video[0]
        first: Fraction | None = None
        began_ms, streams, output = start_ms, dict[int, Stream](), None
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream is film and packet.is_keyframe:
                seconds = _seconds(packet)
                first = seconds if first is None else first
                t_ms = start_ms + math.floor((seconds - first) * 1000)
                if output is None or t_ms - began_ms >= segment_ms:
                    segments.close()
                    began_ms, (path, output) = t_ms, _begin(folder, Segment(t_ms, run))
                    segments.enter_context(output)
                    streams = {one.index: output.add_stream_from_template(one, opaque=True) for one in source.streams}
                    written.append(path)
            if output is not None:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    return written


def _seconds(packet: Packet[Stream]) -> Fraction:
    assert packet.pts is not None
    assert packet.time_base is not None
    return packet.pts * packet.time_base


def _begin(folder: Path, segment: Segment) -> tuple[Path, OutputContainer]:
    path = folder / segment.day / segment.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(segment.journal_name).write_text("")
    return path, av.open(str(path), "w", format="mp4", options=FRAGMENTED)


def grow(path: Path, content: bytes, fragments: int, extra_bytes: int = 0) -> None:
    """Make a segment of `content` as long as it was after so many fragments and `extra_bytes` of the next."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[: fragment_ends(content)[fragments] + extra_bytes])


def fragment_ends(content: bytes) -> list[int]:
    """Return where the header ends, and where each fragment does."""
    ends, place = [], 0
    while place < len(content):
        kind, place = content[place + 4 : place + 8], place + int.from_bytes(content[place : place + 4])
        if kind in (b"moov", b"mdat"):
            ends.append(place)
    return ends

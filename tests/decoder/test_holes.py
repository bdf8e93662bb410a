"""A hole in the middle of an MP4 costs what lies in it, is told, and costs nothing that lies behind it."""

import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest

from originals.errors import Unreadable
from originals.files import fingerprint
from schemas.limits import LARGEST_T_MS
from schemas.messages import Chunk
from services.decoder.damage import Hole
from services.decoder.decoding import Decoding, Sample
from tests.decoder.footage import ANYWHERE, opened, video, write_video

SECONDS: Final = 40
FRAME_MS: Final = 200
BEHIND_THE_FILE: Final = 2_000_000_000
CRASH_PROOF: Final = {"movflags": "empty_moov+default_base_moof", "frag_duration": "4900000"}
OPTIONS: Final = {"libx265": {"x265-params": "log-level=none:bframes=2:keyint=10"}}
ENTRY_BYTES: Final = 4
HEAD_BYTES: Final = {b"stco": 12, b"stsz": 16}
"""What lies between the name of a table and its first entry: version, flags, and how many there are."""


def filmed(path: Path, codec: str = "libx264") -> Path:
    """Write a film with a keyframe every two seconds, and with sound: so that its pictures lie in many pieces."""
    silent = write_video(
        path.with_stem("silent"), range(0, SECONDS * 1000, FRAME_MS), gop=10, codec=codec, options=OPTIONS.get(codec)
    )
    with av.open(str(silent)) as pictures, av.open(str(path), "w") as container:
        shown = container.add_stream_from_template(pictures.streams.video[0])
        heard = container.add_stream("aac", rate=8_000)
        packets = [packet for packet in pictures.demux(video=0) if packet.size]
        for packet in packets:
            packet.stream = shown
        for index in range(8 * SECONDS):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1_000), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 8_000, index * 1_000
            packets += heard.encode(frame)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            container.mux(packet)
    return path


def broken(path: Path, table: bytes, entries: range, value: int, track: int = 0) -> Path:
    """Write `value` into entries of a table of a track (0: the pictures, 1: the sound)."""
    content, at = bytearray(path.read_bytes()), -1
    for _ in range(track + 1):
        at = content.index(table, at + 1)
    for entry in entries:
        struct.pack_into(">I", content, at + HEAD_BYTES[table] + ENTRY_BYTES * entry, value)
    target = path.with_stem("broken")
    target.write_bytes(content)
    return target


def times_of(path: Path, from_ms: int = 0) -> list[int]:
    with video(path) as found:
        return [frame.t_ms for frame in found.frames(from_ms) if frame]


def decoded(path: Path, start_ms: int, end_ms: int) -> tuple[list[Sample], tuple[str, ...]]:
    """Decode a chunk as a worker does; return its samples and what it says of the file."""
    with opened(path) as file:
        identity = fingerprint(file)
    chunk = Chunk(
        stream="s/1/c0", source_id="s", life=1, index=0, url=str(path), fingerprint=identity, sample_fps=2.0,
        start_ms=start_ms, end_ms=end_ms, read_from_ms=start_ms, read_until_ms=end_ms,
    )  # fmt: skip
    samples: list[Sample] = []
    with ThreadPoolExecutor(1) as pool:
        decoding = Decoding(pool, chunk, 1, ANYWHERE, Path())
        while not decoding.has_ended():
            if sample := decoding.take():
                samples.append(sample)
    return samples, decoding.notices


@pytest.fixture(params=["libx264", "libx265", "mpeg4"])
def film(request: Any, tmp_path: Path) -> Path:
    return filmed(tmp_path / "film.mp4", request.param)


def test_a_hole_costs_what_lies_in_it_and_what_refers_to_that(film: Path) -> None:
    whole = times_of(film)
    with video(broken(film, b"stco", range(100, 105), BEHIND_THE_FILE)) as found:
        frames = [frame for frame in found.frames(0) if frame]
        (hole,) = found.holes
    times = [frame.t_ms for frame in frames]
    assert 19_600 <= hole.from_ms <= 20_400
    assert 20_800 <= hole.to_ms <= 23_000
    assert set(times) <= set(whole)
    assert [t_ms for t_ms in times if t_ms >= hole.to_ms] == [t_ms for t_ms in whole if t_ms >= hole.to_ms]
    assert len([t_ms for t_ms in whole if t_ms < hole.from_ms and t_ms not in times]) <= 2, "B-frames beside it"
    assert next(frame for frame in frames if frame.t_ms == hole.to_ms).decoded.key_frame


def test_the_same_frames_are_found_wherever_reading_begins(film: Path) -> None:
    holed = broken(film, b"stco", range(100, 105), BEHIND_THE_FILE)
    times = times_of(holed)
    for from_ms in range(1_000, SECONDS * 1_000, 1_900):
        part = times_of(holed, from_ms)
        assert part[0] < from_ms
        assert part == [t_ms for t_ms in times if t_ms >= part[0]]


def test_an_empty_sample_costs_its_own_picture(film: Path) -> None:
    whole = times_of(film)
    with video(broken(film, b"stsz", range(100, 101), 0)) as found:
        times = [frame.t_ms for frame in found.frames(0) if frame]
        assert (found.holes, found.unusable) in (([], 0), ([], 1))
    assert set(times) <= set(whole)
    assert len(times) >= len(whole) - 1


def test_a_hole_in_the_sound_costs_no_picture(tmp_path: Path) -> None:
    film = filmed(tmp_path / "film.mp4")
    assert times_of(broken(film, b"stco", range(80, 90), BEHIND_THE_FILE, track=1)) == times_of(film)


def test_a_film_whose_beginning_cannot_be_read_is_refused(tmp_path: Path) -> None:
    holed = broken(filmed(tmp_path / "film.mp4"), b"stco", range(3), BEHIND_THE_FILE)
    with video(holed) as found, pytest.raises(Unreadable, match="no frame of its video"):
        found.inspect()


def test_every_chunk_that_comes_to_a_hole_tells_it_in_the_same_words(tmp_path: Path) -> None:
    film = filmed(tmp_path / "film.mp4")
    holed = broken(film, b"stco", range(90, 120), BEHIND_THE_FILE)
    with video(holed) as found:
        assert list(found.frames(0))
        assert found.holes == [Hole(18_200, 25_200)]
    for chunk in ((0, 15_000), (15_000, 22_000), (22_000, 30_000), (30_000, LARGEST_T_MS)):
        assert decoded(holed, *chunk)[1] == ("nothing can be read from 0:18 to 0:26: the file is damaged",)
    assert decoded(holed, 0, 8_000)[1] == ()


def test_chunks_of_a_holed_film_are_the_film_less_the_hole_each_time(tmp_path: Path) -> None:
    film = filmed(tmp_path / "film.mp4", "libx265")
    holed = broken(film, b"stco", range(90, 120), BEHIND_THE_FILE)
    whole, owned = decoded(holed, 0, LARGEST_T_MS)[0], []
    for chunk in ((0, 15_000), (15_000, 22_000), (22_000, 30_000), (30_000, LARGEST_T_MS)):
        first, again = decoded(holed, *chunk)[0], decoded(holed, *chunk)[0]
        assert first == again
        owned += [sample.sample for sample in first if not sample.context]
    assert [(one.t_ms, one.jpeg) for one in owned] == [(one.sample.t_ms, one.sample.jpeg) for one in whole]


def test_a_chunk_behind_which_nothing_can_be_read_says_where_the_video_ends_as_the_last_one_does(tmp_path: Path) -> None:
    cut = broken(filmed(tmp_path / "film.mp4"), b"stco", range(100, 199), BEHIND_THE_FILE)
    told = "the video ends at 0:20 of 0:39: the file is truncated or damaged"
    for chunk in ((0, 25_000), (25_000, 35_000), (35_000, LARGEST_T_MS)):
        assert decoded(cut, *chunk)[1] == (told,)
    assert decoded(cut, 0, 8_000)[1] == ()


def test_a_recording_that_began_anew_and_was_cut_off_ends_where_its_times_step_back(tmp_path: Path) -> None:
    film = fragmented(write_video(tmp_path / "film.mp4", range(0, 10_000, FRAME_MS), gop=5))
    fragments = [box for box in boxes(film) if box[4:8] in (b"moof", b"mdat")]
    assert len(fragments) >= 4
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(b"".join([*list(boxes(film))[:2], *fragments, *fragments[:3], fragments[3][: len(fragments[3]) // 2]]))
    assert times_of(cut) == list(range(0, 10_000, FRAME_MS))


def fragmented(path: Path) -> bytes:
    """Return a film as a recorder writes it that is killed now and then: with a head that knows nothing of what follows."""
    written = path.with_stem("fragmented")
    with av.open(str(path)) as film, av.open(str(written), "w", options=CRASH_PROOF) as container:
        stream = container.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    return written.read_bytes()


def boxes(content: bytes) -> Iterator[bytes]:
    """Yield the boxes of an MP4."""
    at = 0
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        yield content[at : at + size]
        at += size

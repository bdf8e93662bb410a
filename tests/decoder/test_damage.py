"""A file that can be read, but not as far as it should be, says so; one that is whole says nothing."""

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from originals.files import fingerprint
from schemas.limits import LARGEST_T_MS
from schemas.messages import Chunk
from services.decoder.damage import Hole, Reading, clock, notices
from services.decoder.decoding import Decoding
from tests.decoder.footage import ANYWHERE, opened, shared_video, video, write_video

TIMES_MS = list(range(0, 20_000, 40))


def told_of(path: Path) -> tuple[str, ...]:
    """Decode a file whole, as a worker does, and return what it would say."""
    with opened(path) as file:
        identity = fingerprint(file)
    chunk = Chunk(
        stream="s/1/c0", source_id="s", life=1, index=0, url=str(path), fingerprint=identity, sample_fps=2.0, start_ms=0,
        end_ms=LARGEST_T_MS, read_from_ms=0, read_until_ms=LARGEST_T_MS,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        decoding = Decoding(pool, chunk, 1, ANYWHERE, Path())
        while not decoding.has_ended():
            decoding.take()
    return decoding.notices


def indexed_first(path: Path) -> Path:
    """Write a file whose index lies before its pictures, as what is made for the web."""
    written = write_video(path.with_stem("made"), TIMES_MS, size=(320, 240))
    with av.open(str(written)) as made, av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream_from_template(made.streams.video[0])
        for packet in made.demux(video=0):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    return path


def shorten(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize(
    ("ends_ms", "told"),
    [
        (41_200, ("the video ends at 0:41 of 1:30: the file is truncated or damaged",)),
        (87_900, ("the video ends at 1:27 of 1:30: the file is truncated or damaged",)),
        (88_000, ()),
        (95_000, ()),
    ],
)
def test_what_is_missing_is_named_where_it_is_more_than_rounding(ends_ms: int, told: tuple[str, ...]) -> None:
    assert notices(Reading(90_000, ends_ms, LARGEST_T_MS, usable=1_000, unusable=0)) == told


def test_a_chunk_that_was_read_to_its_own_end_and_a_file_that_states_no_length_miss_nothing() -> None:
    assert notices(Reading(90_000, 41_000, 40_000, usable=1_000, unusable=0)) == ()
    assert notices(Reading(0, 41_000, LARGEST_T_MS, usable=1_000, unusable=0)) == ()


def test_a_chunk_whose_reading_ends_before_its_own_end_says_where() -> None:
    told = ("the video ends at 0:41 of 1:30: the file is truncated or damaged",)
    assert notices(Reading(90_000, 41_000, 60_000, usable=1_000, unusable=0)) == told


def test_a_hole_is_told_once_however_often_it_was_come_to_and_no_shorter_than_it_is() -> None:
    holes = [Hole(18_900, 25_200), Hole(60_000, 60_200), Hole(18_900, 25_200)]
    assert notices(Reading(90_000, 90_000, LARGEST_T_MS, usable=1_000, unusable=0, holes=holes)) == (
        "nothing can be read from 0:18 to 0:26: the file is damaged",
        "nothing can be read from 1:00 to 1:01: the file is damaged",
    )


@pytest.mark.parametrize(("unusable", "is_told"), [(9, False), (99, False), (112, True)])
def test_pictures_that_cannot_be_decoded_are_told_where_they_are_many(unusable: int, is_told: bool) -> None:
    told = notices(Reading(60_000, 60_000, LARGEST_T_MS, usable=1_000, unusable=unusable))
    assert bool(told) == is_told
    if told:
        assert told == ("112 of 1112 pictures read up to 1:00 cannot be decoded: the file is damaged",)


def test_times_are_written_as_people_write_them() -> None:
    assert [clock(t_ms) for t_ms in (0, 41_999, 60_000, 3_723_000)] == ["0:00", "0:41", "1:00", "1:02:03"]


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts"])
def test_a_whole_file_says_nothing(tmp_path: Path, suffix: str) -> None:
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    assert told_of(write_video(tmp_path / f"whole.{suffix}", TIMES_MS, codec=codec)) == ()


@pytest.mark.parametrize(
    "name",
    [
        "intel/car-detection.mp4",
        "intel/asl_walk.mkv",
        "torchcodec/av1_video.mkv",
        "torchcodec/nasa_13013.mp4",
        "torchcodec/h265_10bits.mp4",
        "torchcodec/test_non_zero_start.mp4",
    ],
)
def test_a_whole_film_from_elsewhere_says_nothing(name: str) -> None:
    assert told_of(shared_video(name)) == ()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_picture_that_is_shown_for_long_at_the_end_is_no_missing_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"slides.{suffix}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for seconds in (0, 10, 20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), seconds, np.uint8), "rgb24")
            frame.pts, frame.time_base = seconds, Fraction(1)
            stream.encode(frame)
        for packet in stream.encode(None):
            packet.duration = int(10 / packet.time_base)
            container.mux(packet)
    assert told_of(path) == ()


def test_sound_that_is_longer_than_the_pictures_is_no_missing_picture(tmp_path: Path) -> None:
    path = tmp_path / "loud.mkv"
    with av.open(str(write_video(tmp_path / "silent.mkv", TIMES_MS))) as pictures, av.open(str(path), "w") as container:
        shown, heard = container.add_stream_from_template(pictures.streams.video[0]), container.add_stream("aac", rate=48_000)
        for packet in pictures.demux(video=0):
            if packet.size:
                packet.stream = shown
                container.mux(packet)
        for index in range(48 * 30):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 48_000, index * 1000
            container.mux(heard.encode(frame))
        container.mux(heard.encode(None))
    assert told_of(path) == ()


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_a_truncated_file_says_where_it_ends_and_what_it_promised(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut.{suffix}"
    whole = write_video(path, TIMES_MS, size=(320, 240)) if suffix == "mkv" else indexed_first(path)
    (told,) = told_of(shorten(whole, 0.5))
    with video(path) as cut:
        ends_ms = [frame.t_ms for frame in cut.frames(0) if frame][-1] + 40
    assert 5_000 < ends_ms < 15_000
    assert told == f"the video ends at {clock(ends_ms)} of 0:20: the file is truncated or damaged"


def test_a_transport_stream_promises_no_length_so_a_truncated_one_says_nothing(tmp_path: Path) -> None:
    assert told_of(shorten(write_video(tmp_path / "cut.ts", TIMES_MS, size=(320, 240)), 0.5)) == ()


def test_a_transport_stream_whose_second_part_ffmpeg_takes_for_wrapped_lacks_nothing(tmp_path: Path) -> None:
    begins = (100_000, 0)
    parts = [write_video(tmp_path / f"{begin}.ts", [begin + t_ms for t_ms in TIMES_MS], size=(320, 240)) for begin in begins]
    path = tmp_path / "all.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with video(path) as found:
        assert found.duration_ms > 95_000_000, "what FFmpeg takes for its length"
    assert told_of(path) == ()


def test_damage_all_over_says_how_many_pictures_it_cost(tmp_path: Path) -> None:
    path = write_video(tmp_path / "holed.ts", TIMES_MS, size=(320, 240))
    content = bytearray(path.read_bytes())
    for at in range(20_000, len(content) - 188 * 200, 188 * 40):
        content[at : at + 188 * 4] = os.urandom(188 * 4)
    path.write_bytes(content)
    (told,) = told_of(path)
    assert told.endswith("cannot be decoded: the file is damaged")

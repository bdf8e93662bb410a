"""Frames and pictures of real files: another decoder's timestamps, awkward formats, the right side up."""

import json
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg

from services.decoder.picture import Picture
from services.decoder.sampling import Grid
from services.decoder.video import Inspection
from tests.decoder.footage import flip_pts, shared_video, video, write_refused, write_video


@dataclass(frozen=True)
class At:
    t_ms: int


def times_of(path: Path, from_ms: int = 0, threads: int = 1) -> list[int]:
    with video(path, threads) as found:
        return [frame.t_ms for frame in found.frames(from_ms) if frame]


def pictures_of(path: Path, fps: float = 2.0, from_ms: int = 0) -> list[Picture]:
    with video(path) as found:
        return [picture for picture in found.pictures(Grid(fps), from_ms) if picture]


def inspected(path: Path) -> Inspection:
    with video(path) as found:
        return found.inspect()


def pixels_of(picture: Picture) -> npt.NDArray[np.int16]:
    pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(picture.jpeg, "RGB")
    return pixels.astype(np.int16)


@pytest.mark.parametrize(
    ("name", "described"),
    [
        ("nasa_13013.mp4", "nasa_13013.mp4.stream3.all_frames_info.json"),
        ("test_non_zero_start.mp4", "test_non_zero_start.mp4.stream0.all_frames_info.json"),
    ],
)
def test_times_are_those_of_another_decoder(name: str, described: str) -> None:
    frames = json.loads(shared_video(f"torchcodec/{described}").read_text())
    micros = [round(Fraction(frame["pts_time"]) * 1_000_000) for frame in frames]
    times = times_of(shared_video(f"torchcodec/{name}"))
    assert len(times) == len(micros)
    # pts_time is rounded to microseconds, so a time on a whole millisecond may be told as one microsecond less
    assert all(
        abs(t - (m - micros[0]) / 1000) <= 1.002 and t <= (m - micros[0] + 2) / 1000 for t, m in zip(times, micros, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "frames", "size"),
    [
        ("torchcodec/av1_video.mkv", 125, (512, 288)),
        ("torchcodec/h264_10bits.mp4", 30, (200, 200)),
        ("torchcodec/h265_10bits.mp4", 30, (200, 200)),
        ("torchcodec/nasa_13013.mp4", 390, (480, 270)),
        ("torchcodec/nasa_13013_rotated.mp4", 17, (270, 480)),
        ("intel/car-detection.mp4", 377, (512, 288)),
        ("intel/asl_walk.mkv", 89, (384, 288)),
    ],
)
def test_real_files_of_every_kind_are_decoded_whole(name: str, frames: int, size: tuple[int, int]) -> None:
    path = shared_video(name)
    assert len(times_of(path)) == frames
    assert {(p.width, p.height) for p in pictures_of(path)} == {size}


def test_threads_change_nothing() -> None:
    path = shared_video("intel/bottle-detection.mp4")
    assert times_of(path, threads=1) == times_of(path, threads=3)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts"])
def test_every_container_gives_the_same_times(tmp_path: Path, suffix: str) -> None:
    times = list(range(0, 2_000, 40))
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    assert times_of(write_video(tmp_path / f"v.{suffix}", times, codec=codec)) == times


def test_variable_frame_rate_is_told_by_timestamps_not_by_counting(tmp_path: Path) -> None:
    times = list(accumulate([0, 7, 400, 33, 1, 2_500, 41, 40, 900]))
    path = write_video(tmp_path / "vfr.mkv", times)
    assert times_of(path) == times
    assert [picture.t_ms for picture in pictures_of(path)] == [0, 2941, 3022, 3922]


def test_odd_sizes_lose_a_line_and_are_the_same_each_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "odd.mkv", [0, 40, 80], size=(101, 57), codec="libvpx-vp9")
    first = pictures_of(path)
    assert [(p.width, p.height) for p in first] == [(100, 56)]
    assert all(pictures_of(path) == first for _ in range(5))


@pytest.mark.parametrize(
    "frames", ["bframes=3", "bframes=8:b-adapt=0:b-pyramid=none", "bframes=7:b-adapt=0:b-pyramid=normal:open-gop=1"]
)
def test_frames_left_undecoded_change_no_sample(tmp_path: Path, frames: str) -> None:
    path = write_video(tmp_path / "b.mp4", [int(i * 1001 / 30) for i in range(240)], gop=60, options={"x264-params": frames})
    with video(path) as found:
        whole = {frame.t_ms for frame in found.frames(0) if frame}
    for fps in (1.0, 2.0, 5.0):
        assert [p.t_ms for p in pictures_of(path, fps)] == [
            frame.t_ms for frame in Grid(fps).samples(map(At, sorted(whole)), 0) if frame
        ]


def test_pixels_that_are_not_square_are_squared(tmp_path: Path) -> None:
    path = write_video(tmp_path / "pal.mp4", [0, 40], size=(720, 576), sample_aspect=Fraction(64, 45))
    assert [(p.width, p.height) for p in pictures_of(path)] == [(512, 288)]


QUARTERS = np.array([[(220, 30, 30), (30, 200, 30)], [(30, 30, 220), (230, 230, 230)]], np.uint8)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_turned_or_mirrored_video_is_shown_upright(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    stored = QUARTERS.repeat(32, 0).repeat(48, 1)
    path = write_video(tmp_path / "t.mp4", [0, 40], size=(96, 64), pictures=[stored] * 2, rotation=degrees, mirrored=mirrored)
    shown = pixels_of(pictures_of(path)[0])
    height, width = shown.shape[:2]
    corners = shown[height // 4 :: height // 2, width // 4 :: width // 2]
    turned = np.rot90(QUARTERS, degrees // 90)
    upright = turned[:, ::-1] if mirrored else turned
    assert np.abs(corners - upright).max() < 30


def test_the_shared_rotated_video_is_the_other_one_turned() -> None:
    upright = pixels_of(pictures_of(shared_video("torchcodec/nasa_13013_rotated.mp4"))[0])
    stored = next(p for p in pictures_of(shared_video("torchcodec/nasa_13013.mp4")))
    turned = min(np.abs(np.rot90(pixels_of(stored), k) - upright).mean() for k in (1, 3))
    assert turned < 20


def test_colours_and_brightness_survive_the_way_from_limited_to_full_range(tmp_path: Path) -> None:
    grey = [np.full((64, 96, 3), shade, np.uint8) for shade in (0, 64, 128, 192, 255)]
    path = write_video(tmp_path / "grey.mp4", range(0, 2_500, 500), size=(96, 64), pictures=grey, gop=1)
    shades = [pixels_of(picture).mean() for picture in pictures_of(path)]
    assert np.abs(np.array(shades) - [0, 64, 128, 192, 255]).max() < 3


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c", "ictcp", "smpte2085", "chroma-derived-nc"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p10le"])
def test_a_matrix_that_ffmpeg_does_not_convert_leaves_brightness_as_it_is(tmp_path: Path, matrix: str, pixels: str) -> None:
    grey = [np.full((64, 96, 3), shade, np.uint8) for shade in (0, 64, 128, 192, 255)]
    options = {"x264-params": f"colormatrix={matrix}"}
    path = write_video(
        tmp_path / "grey.mp4", range(0, 2_500, 500), size=(96, 64), pictures=grey, gop=1, pixels=pixels, options=options
    )
    shades = [pixels_of(picture).mean() for picture in pictures_of(path)]
    assert np.abs(np.array(shades) - [0, 64, 128, 192, 255]).max() < 3


@pytest.mark.parametrize(
    ("size", "aspect", "shown"),
    [((70_000, 16), None, (65_500, 14)), ((16, 70_000), None, (14, 65_500)), ((16_384, 16), 8, (65_500, 8))],
)
def test_a_side_beyond_what_a_jpeg_can_have_is_shortened(
    tmp_path: Path, size: tuple[int, int], aspect: int | None, shown: tuple[int, int]
) -> None:
    codec, sample_aspect = ("ffv1", None) if aspect is None else ("libx264", Fraction(aspect))
    path = write_video(tmp_path / "long.mkv", [0, 500], size=size, codec=codec, sample_aspect=sample_aspect)
    assert [(p.width, p.height) for p in pictures_of(path)] == [shown] * 2


def test_a_frame_that_cannot_be_sent_costs_itself_and_is_counted(tmp_path: Path) -> None:
    with video(write_refused(tmp_path / "noise.mkv")) as found:
        assert [picture.t_ms for picture in found.pictures(Grid(2), 0) if picture] == [0, 1_000]
        assert (found.usable, found.unusable) == (2, 1)


def test_noise_at_the_longest_shape_stays_under_the_payload_limit(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 8_000, 3), np.uint8)
    path = write_video(tmp_path / "long.mkv", [0], size=(8_000, 300), pictures=[noise], codec="mjpeg", pixels="yuvj420p")
    assert len(pictures_of(path)[0].jpeg) < 900_000


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("options", [{"bf": "3"}, {"x264-params": "open-gop=1:bframes=3"}, {"bf": "0"}])
def test_decoding_from_the_middle_gives_the_same_frames(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    times = [int(i * 1001 / 30) for i in range(400)]
    path = write_video(tmp_path / f"v.{suffix}", times, gop=25, options=options)
    whole = {p.t_ms: pixels_of(p) for p in pictures_of(path, fps=10)}
    for from_ms in (1, 700, 3_333, 9_000, 13_000, 60_000):
        part = pictures_of(path, 10, from_ms)
        assert [p.t_ms for p in part] == [t for t in whole if t >= from_ms]
        assert all(np.array_equal(pixels_of(p), whole[p.t_ms]) for p in part)


def test_a_long_file_is_found_to_be_seekable_and_a_transport_stream_is_not(tmp_path: Path) -> None:
    times = list(range(0, 20_000, 100))
    found = inspected(write_video(tmp_path / "v.mp4", times))
    assert (found.seekable, abs(found.duration_ms - 20_000) < 200) == (True, True)
    assert not inspected(write_video(tmp_path / "v.ts", times)).seekable


def test_a_file_whose_only_keyframe_is_the_first_is_read_in_one(tmp_path: Path) -> None:
    path = write_video(tmp_path / "one.mkv", list(range(0, 300_000, 1_000)), gop=10_000, options={"x264-params": "scenecut=0"})
    assert not inspected(path).seekable


def test_two_transport_streams_put_together_are_one_timeline(tmp_path: Path) -> None:
    part = write_video(tmp_path / "part.ts", list(range(0, 3_000, 40))).read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(part + part)
    times = times_of(path)
    assert len(times) >= 148
    assert times == sorted(set(times))
    assert times[-1] < 6_200


@pytest.mark.parametrize("bit", [32, 31, 30])
@pytest.mark.parametrize("picture", [40, 30])
def test_a_damaged_timestamp_of_a_transport_stream_costs_its_picture_and_moves_no_other(
    tmp_path: Path, picture: int, bit: int
) -> None:
    path = write_video(tmp_path / "v.ts", list(range(0, 4_000, 40)), gop=30, options={"x264-params": "bframes=0"})
    whole = times_of(path)
    flip_pts(path, picture, bit)
    assert times_of(path) == [t_ms for t_ms in whole if t_ms != picture * 40]


def test_a_damaged_timestamp_between_b_frames_costs_its_picture_and_moves_no_other(tmp_path: Path) -> None:
    options = {"x264-params": "bframes=3:b-adapt=0"}
    path = write_video(tmp_path / "v.ts", list(range(0, 4_000, 40)), gop=30, options=options)
    whole = times_of(path)
    for picture, bit in ((34, 32), (70, 30)):
        flip_pts(path, picture, bit)
    times = times_of(path)
    assert set(times) < set(whole)
    assert len(times) == len(whole) - 2


def test_the_last_picture_of_the_first_stretch_and_the_first_of_the_second_are_no_strays(tmp_path: Path) -> None:
    parts = [write_video(tmp_path / f"{frames}.ts", list(range(0, frames * 40, 40))) for frames in (50, 1, 50)]
    path = tmp_path / "all.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    times = times_of(path)
    assert times == sorted(set(times))
    assert (len(times) >= 97, times[-1] < 4_100) == (True, True)

"""What a sampler makes of pictures that are hard to show: samples where it can, and a count where it cannot."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.video.frame import PictureType

from services.decoder.cameras import sampler as sampler_file
from services.decoder.cameras.cadence import Cadence
from services.decoder.cameras.clock import Moment
from services.decoder.cameras.sampler import Sampler
from services.decoder.picture import Picture
from services.decoder.sampling import Grid
from tests.decoder.cameras.test_recorder import Clip, as_camera
from tests.decoder.footage import scene, write_refused, write_video

BEGIN_MS = 1_763_625_600_000


def sampled(path: Path, fps: float = 2.0) -> tuple[list[Picture], int]:
    """Return the pictures that a camera with the packets of a file gives, and how many of its frames could not be used."""
    with closing(Clip(path)) as clip:
        grid = Grid(fps)
        sampler = Sampler(as_camera(clip), grid, Cadence(grid, 1000 / fps))
        samples = []
        for packet, shown_ms in clip.packets():
            at = Moment(BEGIN_MS + int(shown_ms), BEGIN_MS + shown_ms, anew=False, repeated=False)
            samples += sampler.decode(packet, at, keyframe=packet.is_keyframe).samples
        return [sample.picture for sample in samples], sampler.unusable


@pytest.mark.parametrize(
    "written",
    [
        {"options": {"x264-params": "colormatrix=YCgCo"}},
        {"options": {"x264-params": "colormatrix=bt2020c"}},
        {"options": {"x264-params": "colormatrix=ictcp"}},
        {"size": (16_384, 16), "sample_aspect": Fraction(8)},
    ],
)
def test_a_camera_with_rare_colours_or_a_picture_longer_than_a_jpeg_is_sampled(tmp_path: Path, written: dict[str, Any]) -> None:
    pictures, unusable = sampled(write_video(tmp_path / "v.mkv", [0, 500, 1_000], gop=1, **written))
    assert ([picture.t_ms - BEGIN_MS for picture in pictures], unusable) == ([0, 500, 1_000], 0)


def test_a_picture_that_cannot_be_sent_is_counted(tmp_path: Path) -> None:
    pictures, unusable = sampled(write_refused(tmp_path / "noise.mkv"))
    assert ([picture.t_ms - BEGIN_MS for picture in pictures], unusable) == ([0, 1_000], 1)


QUIET_MS = 30_000
RARE_KEYFRAMES = {"forced-idr": "1", "bf": "0", "g": "100000", "sc_threshold": "0"}


def write_changing(path: Path, fps: int, gop_ms: int, busy_ms: int) -> Path:
    """Write a film as cameras do that save bits, twice: keyframes while much moves, then none for half a minute."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=fps, options=RARE_KEYFRAMES)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(2 * (busy_ms + QUIET_MS) * fps // 1_000):
            frame = av.VideoFrame.from_ndarray(scene(index, 64, 48), "rgb24")
            since_ms = index * 1_000 // fps % (busy_ms + QUIET_MS)
            begins = since_ms % gop_ms == 0 and since_ms <= busy_ms
            frame.pts, frame.pict_type = index, PictureType.I if begins else PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("fps", "gop_ms", "busy_ms"), [(5, 1_000, 5_000), (25, 10_000, 40_000)])
def test_a_camera_whose_keyframes_become_rare_again_and_again_loses_no_sample(
    fps: int, gop_ms: int, busy_ms: int, tmp_path: Path
) -> None:
    pictures, unusable = sampled(write_changing(tmp_path / "film.mkv", fps, gop_ms, busy_ms), fps=1.0)
    times = list(range(0, 2 * (busy_ms + QUIET_MS), 1_000))
    assert ([picture.t_ms - BEGIN_MS for picture in pictures], unusable) == (times, 0)


def test_where_no_keyframe_is_held_there_is_no_picture_until_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_file, "HELD_BYTES_LIMIT", 0)
    pictures, unusable = sampled(write_changing(tmp_path / "film.mkv", 5, 1_000, 5_000), fps=1.0)
    busy = [begin_ms + at_ms for begin_ms in (0, 5_000 + QUIET_MS) for at_ms in range(0, 5_001, 1_000)]
    assert ([picture.t_ms - BEGIN_MS for picture in pictures], unusable) == (busy, 0)

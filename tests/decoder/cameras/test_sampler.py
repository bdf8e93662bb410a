"""What a sampler makes of pictures that are hard to show: samples where it can, and a count where it cannot."""

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from services.decoder.cameras.cadence import Cadence
from services.decoder.cameras.clock import Moment
from services.decoder.cameras.sampler import Sampler
from services.decoder.picture import Picture
from services.decoder.sampling import Grid
from tests.decoder.cameras.test_recorder import Clip, as_camera
from tests.decoder.footage import write_refused, write_video

BEGIN_MS = 1_763_625_600_000


def sampled(path: Path, fps: float = 2.0) -> tuple[list[Picture], int]:
    """Return the pictures that a camera with the packets of a file gives, and how many of its frames could not be used."""
    with closing(Clip(path)) as clip:
        grid = Grid(fps)
        sampler = Sampler(as_camera(clip), grid, Cadence(grid, 1000 / fps))
        samples = []
        for packet, shown_ms in clip.packets():
            at = Moment(BEGIN_MS + int(shown_ms), BEGIN_MS + shown_ms, anew=False, repeated=False)
            samples += sampler.samples(sampler.decode(packet, at, keyframe=packet.is_keyframe))
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

"""Clips that the tests of the camera server share."""

from pathlib import Path

import pytest

from framebus.demo.camera import Clip, read_clip
from tests.camera.clips import write_clip


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for clips."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def street(folder: Path) -> Clip:
    """Return H.264, 20 pictures long at 50 a second, a keyframe every 10."""
    return read_clip(write_clip(folder / "street.mp4", 20, gop=10, fps=50))


@pytest.fixture(scope="session")
def wide(folder: Path) -> Clip:
    """Return H.264 of another size."""
    return read_clip(write_clip(folder / "wide.mp4", 20, gop=10, fps=50, size=(480, 270), first_number=1000))


@pytest.fixture(scope="session")
def hall(folder: Path) -> Clip:
    """Return H.265 with B-frames, in Matroska."""
    return read_clip(write_clip(folder / "hall.mkv", 20, gop=10, fps=50, codec="libx265", b_frames=2))

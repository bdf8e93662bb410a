"""A thumbnail is the exact frame, small and the right way up."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from services.query.media.picture import picture_at, thumbnail_size
from tests.query.media.conftest import Desk, file_source, push_source
from tests.query.media.drawn import Picture, read, shown_frames, write_video


def never() -> None:
    """Give nothing up."""


def decoded(jpeg: bytes) -> Picture:
    with av.open(io.BytesIO(jpeg), "r", format="mjpeg") as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.ts", "late.mp4"])
def test_the_exact_frame_is_shown(tmp_path: Path, name: str) -> None:
    first_pts = 5_000 if name == "late.mp4" else 0
    path = write_video(tmp_path / name, options={"g": "50", "bf": "3"}, first_pts=first_pts)
    for number in (0, 1, 49, 50, 51, 98, 99):
        assert read(decoded(picture_at(str(path), number * 40, never))) == number


def test_a_moment_between_two_frames_is_the_later_one_and_a_rounded_one_its_own(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    assert read(decoded(picture_at(str(path), 401, never))) == 10
    assert read(decoded(picture_at(str(path), 402, never))) == 11


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_it_is_upright(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "turned.mp4", frames=10, rotation=rotation)
    _, shown = shown_frames(path)[5]
    assert abs(decoded(picture_at(str(path), 200, never)).astype(int) - shown.astype(int)).mean() < 4


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1920, 1080, (480, 270)), (1080, 1920, (270, 480)), (1000, 1000, (320, 320)), (200, 100, (200, 100))],
)
def test_sizes(width: int, height: int, expected: tuple[int, int]) -> None:
    assert thumbnail_size(width, height, None) == expected


def test_it_is_served_and_kept(desk: Desk, tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4")
    desk.add(file_source("film", path))
    for _ in range(2):
        answer = desk.client.get("/v1/sources/film/thumbnail", params={"t_ms": 1200})
        assert answer.headers["content-type"] == "image/jpeg"
        assert read(decoded(answer.content)) == 30
    assert len(list(desk.store.made_thumbnails_folder.rglob("*.jpg"))) == 1


def test_a_moment_behind_the_end_and_one_before_the_beginning_are_problems(desk: Desk, tmp_path: Path) -> None:
    desk.add(file_source("film", write_video(tmp_path / "film.mp4", frames=10)))
    assert desk.client.get("/v1/sources/film/thumbnail", params={"t_ms": 9000}).status_code == 404
    assert desk.client.get("/v1/sources/film/thumbnail", params={"t_ms": -5}).status_code == 422


def test_a_pushed_picture_comes_from_the_store(desk: Desk) -> None:
    desk.add(push_source("pushed"))
    folder = desk.store.pushed_thumbnails_folder / "pushed" / "3"
    folder.mkdir(parents=True)
    (folder / "1763625600000.jpg").write_bytes(b"\xff\xd8stored")
    answer = desk.client.get("/v1/sources/pushed/thumbnail", params={"t_ms": 1763625600000})
    assert answer.content == b"\xff\xd8stored"
    assert desk.client.get("/v1/sources/pushed/thumbnail", params={"t_ms": 1}).status_code == 404

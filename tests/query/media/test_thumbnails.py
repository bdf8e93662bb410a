"""A thumbnail is the exact frame, small and the right way up."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import httpx
import numpy as np
import pytest

from schemas.limits import LARGEST_T_MS
from services.query.media.original import NothingThereError
from services.query.media.picture import picture_at, thumbnail_size
from services.query.media.stretches import Stretch
from tests.decoder.test_holes import BEHIND_THE_FILE, broken, filmed, times_of
from tests.query.media.conftest import ANYWHERE, Desk, file_source, push_source, signed
from tests.query.media.drawn import Picture, read, shown_frames, write_video
from tests.query.media.recorded import camera_source, grow, record

NOON_MS = 1_795_176_000_000


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
        assert read(decoded(picture_at([Stretch(str(path))], number * 40, ANYWHERE, never))) == number


def test_a_moment_between_two_frames_is_the_later_one_and_a_rounded_one_its_own(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4")
    assert read(decoded(picture_at([Stretch(str(path))], 401, ANYWHERE, never))) == 10
    assert read(decoded(picture_at([Stretch(str(path))], 402, ANYWHERE, never))) == 11


@pytest.mark.parametrize("matrix", ["YCgCo", "bt2020c", "ictcp"])
def test_colours_that_ffmpeg_does_not_convert_are_shown_as_others_are(tmp_path: Path, matrix: str) -> None:
    path = write_video(tmp_path / "a.mp4", frames=10, options={"x264-params": f"colormatrix={matrix}"})
    assert read(decoded(picture_at([Stretch(str(path))], 200, ANYWHERE, never))) == 5


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_it_is_upright(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "turned.mp4", frames=10, rotation=rotation)
    _, shown = shown_frames(path)[5]
    assert abs(decoded(picture_at([Stretch(str(path))], 200, ANYWHERE, never)).astype(int) - shown.astype(int)).mean() < 4


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(1920, 1080, (480, 270)), (1080, 1920, (270, 480)), (1000, 1000, (320, 320)), (200, 100, (200, 100))],
)
def test_sizes(width: int, height: int, expected: tuple[int, int]) -> None:
    assert thumbnail_size(width, height, None) == expected


@pytest.mark.parametrize(
    ("table", "entries", "value", "track"),
    [
        (b"stco", range(100, 105), BEHIND_THE_FILE, 0),
        (b"stsz", range(100, 101), 0, 0),
        (b"stco", range(80, 90), BEHIND_THE_FILE, 1),
    ],
    ids=["hole", "empty picture", "hole in the sound"],
)
def test_what_is_indexed_around_damage_is_shown(tmp_path: Path, table: bytes, entries: range, value: int, track: int) -> None:
    film = filmed(tmp_path / "film.mp4", "libx265")
    damaged = broken(film, table, entries, value, track)
    asked = [t_ms for t_ms in times_of(damaged) if 18_000 <= t_ms <= 24_000]
    shown = [[picture_at([Stretch(str(path))], t_ms, ANYWHERE, never) for t_ms in asked[::4]] for path in (film, damaged)]
    assert shown[0] == shown[1]


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


def test_a_moment_beyond_what_a_container_counts_to_lies_behind_the_end(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", frames=10)
    for t_ms in (LARGEST_T_MS, 10**18):
        with pytest.raises(NothingThereError, match="the recording ends before this moment"):
            picture_at([Stretch(str(path))], t_ms, ANYWHERE, never)


def test_the_last_moment_that_can_be_asked_for_is_behind_every_end(desk: Desk, tmp_path: Path) -> None:
    desk.add(file_source("film", write_video(tmp_path / "film.mp4", frames=10)))
    desk.add(camera_source())
    record(desk.store.folder, write_video(tmp_path / "v.mp4", frames=50), NOON_MS, 5)
    desk.add(push_source("pushed"))
    for source_id in ("film", "cam", "pushed"):
        answer = desk.client.get(f"/v1/sources/{source_id}/thumbnail", params={"t_ms": LARGEST_T_MS})
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (404, "nothing-recorded")


def test_an_address_of_a_life_that_is_over_shows_nothing_of_the_next_one(desk: Desk, tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", frames=10)
    desk.add(file_source("film", path, life=1))
    address = signed(desk, "/v1/sources/film/thumbnail", {"life": 1, "t_ms": 120})
    assert httpx.get(f"{desk.client.base_url}{address}", trust_env=False).status_code == 200
    assert desk.client.get("/v1/sources/film/thumbnail", params={"t_ms": 120}).status_code == 200
    desk.add(file_source("film", path, life=2))
    over = httpx.get(f"{desk.client.base_url}{address}", trust_env=False)
    assert (over.status_code, over.json()["type"].rpartition(":")[2]) == (404, "another-life")
    assert "life 2 now" in over.json()["detail"]
    assert httpx.get(f"{desk.client.base_url}{address.replace('life=1', 'life=2')}", trust_env=False).status_code == 401


def test_a_pushed_picture_comes_from_the_store(desk: Desk) -> None:
    desk.add(push_source("pushed"))
    folder = desk.store.pushed_thumbnails_folder / "pushed" / "3"
    folder.mkdir(parents=True)
    (folder / "1763625600000.jpg").write_bytes(b"\xff\xd8stored")
    answer = desk.client.get("/v1/sources/pushed/thumbnail", params={"t_ms": 1763625600000})
    assert answer.content == b"\xff\xd8stored"
    assert desk.client.get("/v1/sources/pushed/thumbnail", params={"t_ms": 1}).status_code == 404


def recorded_number(desk: Desk, t_ms: int) -> int:
    answer = desk.client.get("/v1/sources/cam/thumbnail", params={"t_ms": t_ms})
    assert answer.status_code == 200, answer.text
    return read(decoded(answer.content))


def test_a_camera_shows_the_very_frame_of_a_sample(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    video = write_video(tmp_path / "v.mp4", frames=200, options={"g": "25", "bf": "2"})
    record(desk.store.folder, video, NOON_MS, 5)
    record(desk.store.folder, video, NOON_MS + 10_000, 6)
    for number in (0, 1, 25, 60, 99, 100, 124, 199):
        assert recorded_number(desk, NOON_MS + number * 40) == number
    assert recorded_number(desk, NOON_MS + 3_990) == 100
    assert recorded_number(desk, NOON_MS + 9_000) == 0
    assert len(list(desk.store.made_thumbnails_folder.rglob("*.jpg"))) == 10


def test_a_camera_shows_nothing_of_a_gap(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    record(desk.store.folder, write_video(tmp_path / "v.mp4", frames=50), NOON_MS, 5)
    answer = desk.client.get("/v1/sources/cam/thumbnail", params={"t_ms": NOON_MS + 60_000})
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert f"end_ms {NOON_MS + 2_000}" in answer.json()["detail"]


def test_a_sample_that_is_not_flushed_yet_is_waited_for(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    now_ms = time.time_ns() // 1_000_000
    (path,) = record(desk.store.folder, write_video(tmp_path / "v.mp4", options={"g": "25"}), now_ms - 3_000, 5)
    content = path.read_bytes()
    grow(path, content, 6, extra_bytes=200)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(recorded_number, desk, now_ms)
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        path.write_bytes(content)
        assert waiting.result(5) == 75


def test_a_sample_that_is_never_flushed_is_waited_for_two_seconds(desk: Desk) -> None:
    desk.add(camera_source())
    began = time.monotonic()
    answer = desk.client.get("/v1/sources/cam/thumbnail", params={"t_ms": time.time_ns() // 1_000_000})
    assert answer.status_code == 404
    assert 1.9 < time.monotonic() - began < 4


def test_a_camera_that_is_not_recorded_shows_what_the_embedder_kept(desk: Desk) -> None:
    desk.add(camera_source(record=False))
    folder = desk.store.pushed_thumbnails_folder / "cam" / "1"
    folder.mkdir(parents=True)
    (folder / f"{NOON_MS}.jpg").write_bytes(b"\xff\xd8stored")
    assert desk.client.get("/v1/sources/cam/thumbnail", params={"t_ms": NOON_MS}).content == b"\xff\xd8stored"
    assert desk.client.get("/v1/sources/cam/thumbnail", params={"t_ms": NOON_MS + 1}).status_code == 404

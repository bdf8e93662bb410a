"""Clips of a camera: placed on its timeline through segments, runs, gaps and midnight; what grows is shown as far as it goes."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from services.query.media.cutting import cut_clip
from services.query.media.recordings import recorded
from services.query.media.removal import Removed, remove_media
from tests.query.media.conftest import ANYWHERE, Desk, holding
from tests.query.media.drawn import FPS, read, shown_frames, write_video
from tests.query.media.recorded import camera_source, fragment_ends, grow, record

MIDNIGHT_MS = 1_795_132_800_000
FRAME_MS = 1000 // FPS
GOPS = {"g": "25", "bf": "0"}
BFRAMES = {"g": "50", "bf": "3"}
LIFE = "recordings/cam/1"


def never() -> None:
    """Give nothing up."""


def cut(media: Path, start_ms: int, end_ms: int) -> tuple[list[tuple[int, int]], bool]:
    """Cut a clip of camera `cam`; return (milliseconds, number) of its frames, and whether it is all of the span."""
    clip = media / "clip.mp4"
    whole = cut_clip(recorded(media / LIFE, start_ms, end_ms), start_ms, end_ms, clip, ANYWHERE, never)
    return [(t_ms, read(picture)) for t_ms, picture in shown_frames(clip)], whole


@pytest.mark.parametrize(
    "written",
    [
        {"options": GOPS},
        {"options": BFRAMES, "audio": "aac"},
        {"options": BFRAMES, "audio": "libopus"},
        {"options": BFRAMES | {"x264-params": "open-gop=1"}},
        {"codec": "libx265", "audio": "aac"},
        {"options": BFRAMES, "first_pts": 8_333},
    ],
    ids=["plain", "bframes-aac", "bframes-opus", "open-gop", "hevc-aac", "late-first-pts"],
)
def test_a_clip_goes_through_three_segments_and_midnight_without_a_break(tmp_path: Path, written: dict[str, Any]) -> None:
    start_ms = MIDNIGHT_MS - 3_000
    segments = record(tmp_path, write_video(tmp_path / "v.mp4", frames=250, **written), start_ms, 5)
    assert [path.parent.name for path in segments] == ["2026-11-19", "2026-11-20", "2026-11-20"]
    shown, whole = cut(tmp_path, start_ms + 60 * FRAME_MS, start_ms + 230 * FRAME_MS)
    assert whole
    assert [number for _, number in shown][:170] == list(range(60, 230))
    assert all(abs(t_ms - FRAME_MS * place) <= 2 for place, (t_ms, _) in enumerate(shown))


@pytest.mark.parametrize("first", [0, 1, 26, 99, 100, 101, 149])
def test_a_clip_begins_with_the_frame_on_display_at_its_start(tmp_path: Path, first: int) -> None:
    record(tmp_path, write_video(tmp_path / "v.mp4", frames=160, options=BFRAMES), MIDNIGHT_MS, 5)
    for late_ms in (0, 17):
        start_ms = MIDNIGHT_MS + first * FRAME_MS + late_ms
        shown, _ = cut(tmp_path, start_ms, start_ms + 5 * FRAME_MS)
        assert [number for _, number in shown][:5] == list(range(first, first + 5))
        assert shown[0][0] <= 2


def test_a_gap_between_two_runs_stays_a_gap_in_time(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", frames=100, options=BFRAMES, audio="aac")
    record(tmp_path, video, MIDNIGHT_MS, 5)
    record(tmp_path, video, MIDNIGHT_MS + 7_000, 6)
    shown, whole = cut(tmp_path, MIDNIGHT_MS + 3_000, MIDNIGHT_MS + 9_000)
    assert whole
    assert [number for _, number in shown][:75] == [*range(75, 100), *range(50)]
    assert [t_ms for t_ms, _ in shown][24:26] == [960, 4_000]


@pytest.mark.parametrize("audio", ["aac", "libopus"])
def test_sound_is_silent_in_a_gap_and_in_time_behind_it(tmp_path: Path, audio: str) -> None:
    video = write_video(tmp_path / "v.mp4", frames=100, options=BFRAMES, audio=audio)
    record(tmp_path, video, MIDNIGHT_MS, 5)
    record(tmp_path, video, MIDNIGHT_MS + 7_000, 6)
    cut(tmp_path, MIDNIGHT_MS + 3_000, MIDNIGHT_MS + 9_000)
    heard = [level > 0.02 for level in loudness(tmp_path / "clip.mp4")]
    assert all(heard[:9])
    assert not any(heard[11:39])
    assert all(heard[41:])
    assert 57 <= len(heard) <= 61


def loudness(clip: Path) -> list[float]:
    """Return the loudness of each tenth of a second of a clip's sound, as a player would hear it that only counts samples."""
    with av.open(str(clip)) as container:
        sound = np.concatenate([np.abs(frame.to_ndarray()).mean(axis=0) for frame in container.decode(audio=0)])
    return [float(tenth.mean()) for tenth in np.array_split(sound[: len(sound) // 4_800 * 4_800], len(sound) // 4_800)]


def test_a_clip_that_begins_in_a_gap_keeps_its_times(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", frames=100, options=BFRAMES)
    record(tmp_path, video, MIDNIGHT_MS, 5)
    record(tmp_path, video, MIDNIGHT_MS + 7_000, 6)
    shown, _ = cut(tmp_path, MIDNIGHT_MS + 6_000, MIDNIGHT_MS + 8_000)
    assert shown[0] == (1_000, 0)


def test_of_two_runs_that_overlap_the_larger_counts(tmp_path: Path) -> None:
    record(tmp_path, write_video(tmp_path / "v.mp4", frames=100, options=GOPS), MIDNIGHT_MS, 5)
    later = write_video(tmp_path / "w.mp4", frames=50, options=GOPS, times=[40 * number for number in range(50)])
    record(tmp_path, later, MIDNIGHT_MS + 2_000, 6)
    shown, _ = cut(tmp_path, MIDNIGHT_MS, MIDNIGHT_MS + 3_000)
    assert [number for _, number in shown][:75] == [*range(50), *range(25)]
    assert [t_ms for t_ms, _ in shown][:75] == [FRAME_MS * place for place in range(75)]


def test_another_resolution_ends_the_clip(tmp_path: Path) -> None:
    record(tmp_path, write_video(tmp_path / "v.mp4", frames=50, options=GOPS), MIDNIGHT_MS, 5)
    record(tmp_path, write_video(tmp_path / "w.mp4", frames=50, options=GOPS, size=(640, 480)), MIDNIGHT_MS + 2_000, 6)
    shown, whole = cut(tmp_path, MIDNIGHT_MS + 1_000, MIDNIGHT_MS + 3_000)
    assert whole
    assert [number for _, number in shown] == list(range(25, 50))
    after, _ = cut(tmp_path, MIDNIGHT_MS + 2_000, MIDNIGHT_MS + 3_000)
    assert [number for _, number in after][:25] == list(range(25))


def test_an_end_that_is_not_recorded_gives_what_there_is_and_says_so(tmp_path: Path) -> None:
    record(tmp_path, write_video(tmp_path / "v.mp4", frames=100, options=GOPS), MIDNIGHT_MS, 5)
    shown, whole = cut(tmp_path, MIDNIGHT_MS + 3_000, MIDNIGHT_MS + 9_000)
    assert [number for _, number in shown] == list(range(75, 100))
    assert not whole
    assert cut(tmp_path, MIDNIGHT_MS + 2_000, MIDNIGHT_MS + 3_000)[1]


def test_a_half_written_fragment_is_the_end_wherever_it_was_cut(tmp_path: Path) -> None:
    (path,) = record(tmp_path, write_video(tmp_path / "v.mp4", frames=100, options=GOPS, audio="aac"), MIDNIGHT_MS, 5)
    content = path.read_bytes()
    ends = fragment_ends(content)
    for extra_bytes in [*range(12), *range(12, ends[5] - ends[4], 97)]:
        grow(path, content, 4, extra_bytes)
        shown, whole = cut(tmp_path, MIDNIGHT_MS + 1_000, MIDNIGHT_MS + 4_000)
        assert [number for _, number in shown] == list(range(25, 50)), extra_bytes
        assert not whole


def clip_of(desk: Desk, start_ms: int, end_ms: int) -> httpx.Response:
    return desk.client.get("/v1/sources/cam/clip", params={"start_ms": start_ms, "end_ms": end_ms})


def numbers(folder: Path, answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    (folder / "received.mp4").write_bytes(answer.content)
    return [read(picture) for _, picture in shown_frames(folder / "received.mp4")]


def test_a_whole_clip_is_kept_and_a_growing_one_is_cut_anew(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    (path,) = record(desk.store.folder, write_video(tmp_path / "v.mp4", frames=100, options=GOPS), MIDNIGHT_MS, 5)
    content, span = path.read_bytes(), (MIDNIGHT_MS + 1_000, MIDNIGHT_MS + 3_000)
    for fragments, expected, kept in [(4, range(25, 50), 1), (6, range(25, 75), 1), (7, range(25, 75), 3600)]:
        grow(path, content, fragments, extra_bytes=20)
        for _ in range(2):
            answer = clip_of(desk, *span)
            assert numbers(tmp_path, answer)[: len(expected)] == list(expected)
            assert answer.headers["cache-control"] == f"private, max-age={kept}"
    etag = answer.headers["etag"]
    path.write_bytes(content)
    assert clip_of(desk, *span).headers["etag"] == etag


def test_a_clip_of_now_waits_until_its_end_is_recorded(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    now_ms = time.time_ns() // 1_000_000
    (path,) = record(desk.store.folder, write_video(tmp_path / "v.mp4", frames=100, options=GOPS), now_ms - 4_000, 5)
    content = path.read_bytes()
    grow(path, content, 2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(clip_of, desk, now_ms - 2_500, now_ms - 1_500)
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        path.write_bytes(content)
        assert numbers(tmp_path, waiting.result(5))[0] == 37


def test_nothing_recorded_says_what_is_nearest(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    problem = clip_of(desk, MIDNIGHT_MS, MIDNIGHT_MS + 1_000)
    assert (problem.status_code, problem.json()["type"]) == (404, "urn:framebus:problem:nothing-recorded")
    assert "nothing else is recorded" in problem.json()["detail"]
    video = write_video(tmp_path / "v.mp4", frames=200, options=GOPS)
    record(desk.store.folder, video, MIDNIGHT_MS - 10_000, 5)
    record(desk.store.folder, video, MIDNIGHT_MS + 30_000, 6)
    for t_ms, nearest in [(0, -10_000), (15_000, 30_000), (5_000, -10_000), (90_000, 30_000), (-3 * 86_400_000, -10_000)]:
        detail = clip_of(desk, MIDNIGHT_MS + t_ms, MIDNIGHT_MS + t_ms + 1_000).json()["detail"]
        assert f"(start_ms {MIDNIGHT_MS + nearest}, end_ms {MIDNIGHT_MS + nearest + 8_000})" in detail
    assert "nearest recording is 2026-11-19T23:59:50.000Z to 2026-11-19T23:59:58.000Z" in detail


def test_a_life_that_is_over_is_not_served(desk: Desk, tmp_path: Path) -> None:
    record(desk.store.folder, write_video(tmp_path / "v.mp4", frames=100, options=GOPS), MIDNIGHT_MS, 5)
    desk.add(camera_source(life=1))
    assert clip_of(desk, MIDNIGHT_MS, MIDNIGHT_MS + 1_000).status_code == 200
    desk.add(camera_source(life=2))
    assert clip_of(desk, MIDNIGHT_MS, MIDNIGHT_MS + 1_000).status_code == 404


def test_a_clip_of_what_is_no_longer_recorded_is_not_served_from_the_cache(desk: Desk, tmp_path: Path) -> None:
    desk.add(camera_source())
    (path,) = record(desk.store.folder, write_video(tmp_path / "v.mp4", frames=100, options=GOPS), MIDNIGHT_MS, 5)
    assert clip_of(desk, MIDNIGHT_MS, MIDNIGHT_MS + 1_000).status_code == 200
    path.unlink()
    assert clip_of(desk, MIDNIGHT_MS, MIDNIGHT_MS + 1_000).status_code == 404


def test_a_camera_that_is_not_recorded_has_no_clips(desk: Desk) -> None:
    desk.add(camera_source(record=False))
    answer = clip_of(desk, MIDNIGHT_MS, MIDNIGHT_MS + 1_000)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:framebus:problem:only-thumbnails-kept")


def test_removal_takes_the_recordings_of_the_lives_that_are_over(desk: Desk, tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", frames=25, options=GOPS)
    written = [path for life in (1, 2) for path in record(desk.store.folder, video, MIDNIGHT_MS, 5, life=life)]
    (kept,) = record(desk.store.folder, video, MIDNIGHT_MS, 5, source_id="cam-2")
    size_bytes = sum(path.stat().st_size for path in written)
    assert remove_media(desk.store, holding(desk.book), "cam", 2, time.time_ns()) == Removed(
        files=4, bytes=size_bytes
    )  # two of them empty journals
    assert not (desk.store.recordings_folder / "cam").exists()
    assert kept.exists()

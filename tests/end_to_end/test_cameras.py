"""Cameras through the whole stack: found while it happens, played at the right moment, and back by themselves."""

import io
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import av
import cv2
import httpx
import numpy as np
import pytest
from pymilvus import MilvusClient

from framebus.client import FramebusError, Hit, find_stack
from framebus.demo.camera import CameraServer
from framebus.demo.camera.timecode import Picture, read_number
from tests.comparison import Found, rows_of
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.stage import FRAME_MS, Stage, asked
from tests.end_to_end.test_passwords import files_with, topics_with
from tests.end_to_end.videos import write_video

PASSWORD = "Hans-im-Glück-9"
WRITTEN = (PASSWORD, quote(PASSWORD))
BACKDROPS = {"gate": 101, "yard": 102}
SOON_SECONDS = 20.0
TWO_FRAMES_MS = 2 * FRAME_MS


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {name: Stage(seed) for name, seed in BACKDROPS.items()}


@pytest.fixture(scope="module")
def server(stages: dict[str, Stage]) -> Iterator[CameraServer]:
    """Two cameras that ask for a password."""
    with CameraServer({name: stage.source() for name, stage in stages.items()}, login=("me", PASSWORD)) as server:
        yield server


@pytest.fixture(scope="module")
def gate(stack: LocalStack, server: CameraServer) -> str:
    """A camera that runs and can be searched."""
    stack.client.add(server.url("gate"), "gate", category="entrances")
    *_, (camera,) = stack.client.wait(["gate"], SOON_SECONDS)
    assert (camera.state, camera.error) == ("running", None)
    return "gate"


def first(stack: LocalStack, seed: int, *, wanted: float = 0.999, source_id: str = "gate") -> Hit | None:
    """Return the best hit of a source for a scene, None while nothing is that near."""
    hits = stack.client.search(image=asked(seed), sources=[source_id]).hits
    return hits[0] if hits and hits[0].score > wanted else None


def awaited(stack: LocalStack, seed: int, *, provisional: bool) -> Hit:
    """Return the best hit for a scene once it is there as a provisional, or as a final one."""
    found: list[Hit] = []

    def is_there() -> bool:
        hit = first(stack, seed, wanted=0.9)
        if hit is not None and hit.provisional is provisional:
            found.append(hit)
        return bool(found)

    await_that(is_there, SOON_SECONDS)
    return found[0]


def frames(clip: bytes) -> list[Picture]:
    """Return the pictures that a player shows."""
    with av.open(io.BytesIO(clip), "r") as container:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for frame in container.decode(video=0)
            if (frame.time or 0) >= 0
        ]


def test_a_moment_is_found_while_it_happens_and_stays_where_it_was(
    stack: LocalStack, stages: dict[str, Stage], gate: str
) -> None:
    stages[gate].seed, began_ms = 111, time.time_ns() // 1_000_000
    early = awaited(stack, 111, provisional=True)
    found_seconds = time.time() - began_ms / 1000
    stages[gate].seed = BACKDROPS[gate]
    final = awaited(stack, 111, provisional=False)
    assert began_ms <= early.peak_ms <= began_ms + 1000 * found_seconds
    assert final.start_ms <= early.peak_ms <= final.end_ms
    assert early.captured_at is not None
    await_that(lambda: keys(stack, gate, early.peak_ms) == [f"gate/1/f/{early.peak_ms}"], SOON_SECONDS)
    for hit in (early, final):
        assert_shown(stack, hit)


def assert_shown(stack: LocalStack, hit: Hit) -> None:
    """Compare picture and clip of a hit with the time that they show, once all of the clip is recorded."""
    until_ms = hit.end_ms + 1000
    await_that(lambda: (stack.client.source(hit.source_id).last_t_ms or 0) > until_ms + 2 * TWO_FRAMES_MS, SOON_SECONDS)
    picture = cv2.imdecode(np.frombuffer(stack.client.thumbnail(hit.source_id, hit.peak_ms), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert read_number(picture.astype(np.uint8)) == pytest.approx(hit.peak_ms, abs=TWO_FRAMES_MS)
    played = frames(stack.client.clip(hit.source_id, hit.start_ms, until_ms))
    times = [number for number in map(read_number, played) if number is not None]
    assert times[0] == pytest.approx(hit.start_ms, abs=TWO_FRAMES_MS)
    assert times[-1] == pytest.approx(until_ms, abs=2 * TWO_FRAMES_MS)
    assert len(times) == len(played)


def test_a_camera_that_was_away_comes_back_by_itself(stack: LocalStack, server: CameraServer, gate: str) -> None:
    server.go_down()
    await_that(lambda: stack.client.source(gate).state == "waiting", SOON_SECONDS)
    away = stack.client.source(gate)
    assert away.error
    assert away.since_ms is not None
    server.come_back()
    await_that(lambda: stack.client.source(gate).state == "running", SOON_SECONDS)
    await_that(lambda: (stack.client.source(gate).last_t_ms or 0) > (away.last_t_ms or 0), SOON_SECONDS)
    back = stack.client.source(gate)
    assert back.error is None
    assert (back.since_ms or 0) > away.since_ms


def test_a_paused_camera_is_not_watched_and_goes_on_when_it_is_resumed(
    stack: LocalStack, server: CameraServer, gate: str
) -> None:
    stack.client.pause(gate)
    await_that(lambda: stack.client.source(gate).state == "paused" and server.mount("gate").viewers == 0, SOON_SECONDS)
    last_ms = max(times(stack, gate))
    stack.client.resume(gate)
    await_that(lambda: (stack.client.source(gate).last_t_ms or 0) > last_ms, SOON_SECONDS)
    assert stack.client.source(gate).state == "running"


def test_cameras_do_not_wait_for_an_import(
    stack: LocalStack, server: CameraServer, stages: dict[str, Stage], gate: str, tmp_path: Path
) -> None:
    stack.client.add(server.url("yard"), "yard")
    video = write_video(tmp_path / "archive.mp4", list(range(200, 260)), seconds_each=5.0)
    stack.client.add(video, "archive", sample_fps=4.0)
    began_ms = {gate: now_ms()}
    await_that(lambda: stack.client.source("yard").last_t_ms is not None, SOON_SECONDS)
    began_ms["yard"] = now_ms()  # from then on it runs, as the other did before
    stages["yard"].seed, changed = 121, time.monotonic()
    await_that(lambda: first(stack, 121, source_id="yard", wanted=0.9) is not None, SOON_SECONDS)
    assert time.monotonic() - changed < SOON_SECONDS / 2
    *_, (archive,) = stack.client.wait(["archive"], 60)
    assert (archive.state, archive.rows) == ("indexed", 1200)
    ended_ms = now_ms()
    for camera, since_ms in began_ms.items():
        await_that(lambda camera=camera: (stack.client.source(camera).last_t_ms or 0) >= ended_ms, SOON_SECONDS)  # type: ignore[misc]
        lately = sorted(t_ms for t_ms in times(stack, camera) if t_ms >= since_ms)
        assert lately[-1] >= ended_ms
        assert max(np.diff([since_ms, *lately])) < 1600, f"{camera} has a hole"


def test_a_removed_camera_leaves_nothing_and_its_password_was_nowhere(stack: LocalStack, server: CameraServer, gate: str) -> None:
    recordings = stack.home / "media" / "recordings"
    secrets = stack.home / "secrets"
    assert list((recordings / gate).rglob("*.mp4"))
    kept = sorted(secrets / name for name in (gate, "yard"))
    assert [sorted(files_with(form.encode(), stack.home)) for form in WRITTEN] == [kept, []]
    assert not any(form in replies(stack, gate) for form in WRITTEN)
    assert [topics_with(form.encode(), stack.kafka) for form in WRITTEN] == [[], []]
    for camera in (gate, "yard"):
        assert stack.client.remove(camera).media_files
    await_that(lambda: server.mount("gate").viewers == server.mount("yard").viewers == 0, SOON_SECONDS)
    await_that(lambda: not rows(stack, gate) and not rows(stack, "yard"), SOON_SECONDS)
    with pytest.raises(FramebusError):
        stack.client.search(image=asked(111), sources=[gate])
    await_that(lambda: not (recordings / gate).exists() and not (recordings / "yard").exists(), SOON_SECONDS)
    assert files_with(PASSWORD.encode(), stack.home) == []


def now_ms() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def rows(stack: LocalStack, source_id: str) -> list[Found]:
    """Return every row of a source."""
    with closing(MilvusClient(stack.milvus, timeout=30)) as milvus:
        return rows_of(milvus, source_id)


def keys(stack: LocalStack, source_id: str, t_ms: int) -> list[str]:
    """Return the keys of the rows of one moment: the provisional one goes once the final one is confirmed."""
    return [row.key for row in rows(stack, source_id) if row.t_ms == t_ms]


def times(stack: LocalStack, source_id: str) -> list[int]:
    """Return the time of every row of a source."""
    return [row.t_ms for row in rows(stack, source_id)]


def replies(stack: LocalStack, source_id: str) -> str:
    """Return what the API says of sources."""
    headers = {"Authorization": f"Bearer {find_stack(stack.home).key}"}
    with httpx.Client(base_url=stack.client.url, headers=headers, trust_env=False) as client:
        return "".join(
            client.get(path).text for path in ("/v1/sources", f"/v1/sources/{source_id}", "/v1/admin/status", "/metrics")
        )

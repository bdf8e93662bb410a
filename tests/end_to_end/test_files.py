"""Files in, the right seconds out: through the real broker, the real Milvus and the production processes."""

import uuid
from pathlib import Path

import httpx
import pytest

from framebus.client import FramebusError, Source
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.videos import as_jpeg, scene, write_video


def indexed(stack: LocalStack, *source_ids: str) -> list[Source]:
    *_, last = stack.client.wait(source_ids, 120)
    return last


def fresh(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def two_files(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two indexed files of six scenes of 5 s each, in two categories; no scene is in both."""
    folder = tmp_path_factory.mktemp("videos")
    day, night = fresh("day"), fresh("night")
    stack.client.add(write_video(folder / "day.mp4", [1, 2, 3, 4, 5, 6]), day, category="yard", labels={"site": "north"})
    stack.client.add(
        write_video(folder / "night.mkv", [11, 12, 13, 14, 15, 16]), night, category="gate", starts_at="2026-11-20T08:00:00Z"
    )
    assert [source.state for source in indexed(stack, day, night)] == ["indexed", "indexed"]
    return day, night


@pytest.mark.parametrize(
    ("seed", "name", "start_ms"), [(1, "day", 0), (3, "day", 10_000), (6, "day", 25_000), (14, "night", 15_000)]
)
def test_a_picture_finds_its_clip_first_and_the_exact_seconds(
    stack: LocalStack, two_files: tuple[str, str], seed: int, name: str, start_ms: int
) -> None:
    result = stack.client.search(image=as_jpeg(scene(seed)))
    best = result.hits[0]
    assert best.source_id.startswith(name)
    assert start_ms <= best.peak_ms < start_ms + 5000
    assert abs(best.start_ms - start_ms) <= 1500
    assert abs(best.end_ms - (start_ms + 5000)) <= 1500
    assert result.found


def test_filters_hold_inside_the_search(stack: LocalStack, two_files: tuple[str, str]) -> None:
    day, night = two_files
    picture = as_jpeg(scene(3))
    assert {hit.source_id for hit in stack.client.search(image=picture, sources=[night]).hits} == {night}
    assert {hit.source_id for hit in stack.client.search(image=picture, categories=["gate"]).hits} == {night}
    assert {hit.source_id for hit in stack.client.search(image=picture, labels={"site": "north"}).hits} == {day}
    timed = stack.client.search(image=picture, since="2026-11-20T08:00:10Z", until="2026-11-20T08:00:14Z")
    assert {hit.source_id for hit in timed.hits} == {night}
    assert all(10_000 <= hit.peak_ms <= 14_000 for hit in timed.hits)


def test_a_hit_comes_with_a_picture_and_a_clip_that_need_no_header(stack: LocalStack, two_files: tuple[str, str]) -> None:
    hit = stack.client.search(image=as_jpeg(scene(2))).hits[0]
    assert hit.thumbnail_url
    assert hit.clip_url
    with httpx.Client(base_url=stack.client.url) as anyone:
        assert anyone.get(hit.thumbnail_url).content.startswith(b"\xff\xd8")
        clip = anyone.get(hit.clip_url)
        assert clip.headers["content-type"] == "video/mp4"
        assert b"ftyp" in clip.content[:32]
        assert anyone.get(hit.clip_url.replace("clip", "thumbnail", 1)).status_code in (401, 403)


def test_bad_files_are_told_and_delay_nobody(stack: LocalStack, tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mp4", [21, 22])
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "half.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    names = {name: fresh(name) for name in ("empty", "text", "half", "absent", "good")}
    for name, source_id in names.items():
        stack.client.add(tmp_path / f"{name}.mp4", source_id)
    states = {source.source_id: source for source in indexed(stack, *names.values())}
    assert states[names["good"]].state == "indexed"
    for name in ("empty", "text", "half", "absent"):
        assert states[names[name]].state == "failed", name
        assert states[names[name]].error, name


def test_a_removed_source_is_gone_and_can_come_back_with_other_content(stack: LocalStack, tmp_path: Path) -> None:
    source_id = fresh("again")
    video = write_video(tmp_path / "video.mp4", [31, 32, 33])
    stack.client.add(video, source_id)
    indexed(stack, source_id)
    stack.client.remove(source_id)
    assert source_id not in {hit.source_id for hit in stack.client.search(image=as_jpeg(scene(31))).hits}
    with pytest.raises(FramebusError):
        stack.client.source(source_id)

    write_video(video, [41, 42, 43])
    stack.client.add(video, source_id)
    (source,) = indexed(stack, source_id)
    assert source.rows == 30
    best = stack.client.search(image=as_jpeg(scene(42)), sources=[source_id]).hits[0]
    assert 5000 <= best.peak_ms < 10_000
    old = stack.client.search(image=as_jpeg(scene(31)), sources=[source_id]).hits[0]
    assert old.score < best.score, "the rows of the removed life are gone"


def test_a_file_that_is_added_again_is_looked_at_again(stack: LocalStack, tmp_path: Path) -> None:
    source_id = fresh("mended")
    video = tmp_path / "video.mp4"
    video.write_text("not yet a video\n" * 100)
    for scenes, state in (([], "failed"), ([61], "indexed"), ([62], "indexed")):
        if scenes:
            write_video(video, scenes)
        stack.client.add(video, source_id)
        await_that(lambda: stack.client.source(source_id).state == state)  # noqa: B023  asked within this turn
        if scenes:
            await_that(lambda: peak_score(stack, source_id, scenes[0]) > 0.999)  # noqa: B023


def peak_score(stack: LocalStack, source_id: str, seed: int) -> float:
    """Return how near the best moment of a source is to a scene."""
    hits = stack.client.search(image=as_jpeg(scene(seed)), sources=[source_id]).hits
    return hits[0].score if hits else -1.0


def test_a_paused_source_waits_and_goes_on(stack: LocalStack, tmp_path: Path) -> None:
    source_id = fresh("paused")
    stack.client.add(write_video(tmp_path / "video.mp4", [51, 52]), source_id)
    stack.client.pause(source_id)
    await_that(lambda: stack.client.source(source_id).state in ("paused", "indexed"))
    stack.client.resume(source_id)
    assert [source.state for source in indexed(stack, source_id)] == ["indexed"]

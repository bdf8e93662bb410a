"""Clips begin with the frame at their first millisecond, whatever the container, codec or first timestamp."""

import threading
from pathlib import Path
from typing import Any

import av
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from originals.access import Access
from schemas.limits import LARGEST_T_MS
from services.query.access import Gate
from services.query.media.cutting import SpanTooLongError, cut_clip
from services.query.media.deadline import Deadline, OutOfTimeError
from services.query.media.original import GoneError, NothingThereError, UnreadableError
from services.query.media.stretches import Stretch
from tests.query.media.conftest import ANYWHERE, KEY, Desk, file_source, push_source
from tests.query.media.drawn import FPS, draw, read, shown_frames, write_video
from tests.query.serving import serve

FRAME_MS = 1000 // FPS
LONG_GOPS = {"g": "50", "bf": "3"}


def never() -> None:
    """Give nothing up."""


def cut(path: Path, start_ms: int, end_ms: int) -> Path:
    clip = path.with_name(f"clip-{start_ms}.mp4")
    cut_clip([Stretch(str(path))], start_ms, end_ms, clip, ANYWHERE, never)
    return clip


def numbers(clip: Path) -> list[int]:
    return [read(picture) for _, picture in shown_frames(clip)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("bframes.mp4", {"options": LONG_GOPS, "audio": "aac"}),
        ("bframes.mkv", {"options": LONG_GOPS, "audio": "flac"}),
        ("bframes.ts", {"options": LONG_GOPS, "audio": "aac"}),
        ("open-gop.mp4", {"options": LONG_GOPS | {"x264-params": "open-gop=1"}}),
        ("hevc.mp4", {"codec": "libx265", "audio": "ac3"}),
        ("ten-bit.mp4", {"pix_fmt": "yuv420p10le"}),
        ("ten-bit-ycgco.mp4", {"pix_fmt": "yuv420p10le", "options": {"x264-params": "colormatrix=YCgCo"}}),
        ("ten-bit-ictcp.mp4", {"pix_fmt": "yuv420p10le", "options": {"x264-params": "colormatrix=ictcp"}}),
        ("mpeg4.mp4", {"codec": "mpeg4"}),
        ("vp8.webm", {"codec": "libvpx", "options": {"deadline": "realtime"}, "audio": "libopus"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
        ("late-start.mp4", {"options": LONG_GOPS, "first_pts": 8_333}),
        ("late-start.ts", {"options": LONG_GOPS, "first_pts": 60_000}),
    ],
)
def test_a_clip_shows_exactly_its_span(folder: Path, name: str, written: dict[str, Any]) -> None:
    path = write_video(folder / name, **written)
    for first in (0, 1, 26, 49, 50, 88):
        shown = numbers(cut(path, first * FRAME_MS, (first + 10) * FRAME_MS))
        assert shown[:10] == list(range(first, first + 10)), (name, first)
        assert len(shown) <= 13  # frames that B-frames at the end refer to may follow


def test_a_clip_begins_with_the_frame_that_is_on_display_between_two(folder: Path) -> None:
    path = write_video(folder / "between.mp4", options=LONG_GOPS)
    assert numbers(cut(path, 30 * FRAME_MS + 17, 2000))[0] == 30


def test_variable_frame_rate_keeps_its_times(folder: Path) -> None:
    times = [0, 40, 500, 520, 1000, 1700, 1720, 2400, 3000, 3100]
    clip = cut(write_video(folder / "vfr.mkv", frames=10, times=times), 1000, 3000)
    assert [(t_ms, read(picture)) for t_ms, picture in shown_frames(clip)] == [(0, 4), (700, 5), (720, 6), (1400, 7)]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_video_stays_upright(folder: Path, codec: str, rotation: int) -> None:
    path = write_video(folder / f"turned-{codec}-{rotation}.mp4", codec=codec, rotation=rotation, frames=60)
    _, original = shown_frames(path)[30]
    _, first = shown_frames(cut(path, 30 * FRAME_MS, 1600))[0]
    assert first.shape == original.shape
    assert abs(first.astype(int) - original.astype(int)).mean() < 3
    assert original.shape[:2] == ((320, 240) if rotation % 180 else (240, 320))


@pytest.mark.parametrize(
    ("audio", "kept"), [("aac", "aac"), ("mp3", "mp3"), ("libopus", "opus"), ("ac3", "aac"), ("flac", "aac")]
)
def test_sound_that_browsers_play_is_copied_and_other_sound_becomes_aac(folder: Path, audio: str, kept: str) -> None:
    clip = cut(write_video(folder / f"sound-{audio}.mkv", audio=audio, options=LONG_GOPS), 1000, 3000)
    with av.open(str(clip)) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == kept
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(2.0, abs=0.15)


def test_an_end_behind_the_recording_gives_what_there_is(folder: Path) -> None:
    path = write_video(folder / "short.mp4")
    assert numbers(cut(path, 96 * FRAME_MS, 99_000)) == [96, 97, 98, 99]


def test_a_start_behind_the_recording_says_where_it_ends(folder: Path) -> None:
    path = write_video(folder / "ended.mp4")
    with pytest.raises(NothingThereError, match="ends at 4000 ms"):
        cut(path, 5000, 6000)


def test_a_long_span_is_transcoded_for_nobody(folder: Path) -> None:
    path = write_video(folder / "long.mp4", codec="libx265", frames=10)
    with pytest.raises(SpanTooLongError, match=r"hevc .*60000 ms"):
        cut_clip([Stretch(str(path))], 0, 60_001, folder / "never.mp4", ANYWHERE, never)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["far.mp4", "far.mkv", "far.ts"])
def test_a_file_behind_http_is_cut_the_same_with_ranges_and_without(folder: Path, name: str, ranges: bool) -> None:
    path = write_video(folder / name, options=LONG_GOPS)

    async def send(_: Request) -> Response:
        return FileResponse(path) if ranges else Response(path.read_bytes())

    with serve(Starlette(routes=[Route("/film", send)])) as address:
        clip = folder / f"{name}-{ranges}.mp4"
        cut_clip([Stretch(f"{address}/film")], 60 * FRAME_MS, 70 * FRAME_MS, clip, ANYWHERE, never)
    assert numbers(clip)[:10] == list(range(60, 70))


def test_a_server_that_has_no_such_file_is_said(folder: Path) -> None:
    with serve(Starlette()) as address, pytest.raises(GoneError, match="no longer where it was"):
        cut_clip([Stretch(f"{address}/film")], 0, 1000, folder / "never.mp4", ANYWHERE, never)


def test_work_stops_at_its_limit(folder: Path) -> None:
    path = write_video(folder / "slow.mp4")
    with pytest.raises(OutOfTimeError, match="0 seconds"):
        cut_clip([Stretch(str(path))], 0, 1000, folder / "late.mp4", ANYWHERE, Deadline(0).check)


@pytest.mark.parametrize(
    "address", ["concat:/etc/passwd", "data:text/plain,x", "rtsp://127.0.0.1/x", "subfile,,start,0,end,0,,:/etc/x"]
)
def test_addresses_of_other_kinds_are_never_opened(folder: Path, address: str) -> None:
    with pytest.raises(UnreadableError):
        cut_clip([Stretch(address)], 0, 1000, folder / "never.mp4", ANYWHERE, never)


def test_a_link_that_leads_out_of_the_allowed_folders_by_now_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "linked.mp4").symlink_to(write_video(tmp_path / "elsewhere.mp4", frames=30))
    with pytest.raises(UnreadableError, match="does not lie below a folder"):
        cut_clip([Stretch(str(folder / "linked.mp4"))], 0, 1000, folder / "never.mp4", Access((folder,)), never)


def test_a_playlist_is_not_a_video(folder: Path) -> None:
    path = write_video(folder / "listed.ts")
    playlist = folder / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{path}\n#EXT-X-ENDLIST\n")
    with pytest.raises(UnreadableError):
        cut(playlist, 0, 1000)


def first_number(folder: Path, content: bytes) -> int:
    (folder / "received.mp4").write_bytes(content)
    return numbers(folder / "received.mp4")[0]


def clip_path(source_id: str = "film") -> str:
    return f"/v1/sources/{source_id}/clip"


@pytest.fixture
def film(desk: Desk, tmp_path: Path) -> Path:
    path = write_video(tmp_path / "film.mp4", options=LONG_GOPS)
    desk.add(file_source("film", path))
    return path


@pytest.mark.usefixtures("film")
def test_ranges_are_answered(desk: Desk, tmp_path: Path) -> None:
    span = {"start_ms": 1000, "end_ms": 3000}
    whole = desk.client.get(clip_path(), params=span)
    assert whole.headers["content-type"] == "video/mp4"
    assert first_number(tmp_path, whole.content) == 25
    part = desk.client.get(clip_path(), params=span, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]
    assert part.headers["etag"] == whole.headers["etag"]
    assert desk.client.head(clip_path(), params=span).headers["content-length"] == str(len(whole.content))


@pytest.mark.usefixtures("film")
def test_a_signed_link_opens_the_clip_and_no_other_span(desk: Desk) -> None:
    grant = desk.ring.grant(KEY)
    assert grant is not None
    address = Gate(desk.ring).signer.sign(clip_path(), {"start_ms": 1000, "end_ms": 2000}, grant.key_id, 2**32)
    anonymous = {"Authorization": ""}
    assert desk.client.get(address, headers=anonymous).status_code == 200
    assert desk.client.get(address.replace("end_ms=2000", "end_ms=3000"), headers=anonymous).status_code == 401
    assert desk.client.get(clip_path(), params={"start_ms": 0, "end_ms": 1, "key": KEY}, headers=anonymous).status_code == 400


@pytest.mark.usefixtures("film")
def test_two_requests_at_once_get_the_same_whole_clip(desk: Desk) -> None:
    span = {"start_ms": 0, "end_ms": 3000}
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(desk.client.get(clip_path(), params=span).content)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert len(list(desk.store.clips_folder.rglob("*.*"))) == 1


def test_a_changed_file_is_cut_anew(desk: Desk, film: Path, tmp_path: Path) -> None:
    span = {"start_ms": 1000, "end_ms": 2000}
    before = desk.client.get(clip_path(), params=span).content
    write_video(tmp_path / "other.mp4", times=[40 * i + 400 * (i > 10) for i in range(100)]).replace(film)
    after = desk.client.get(clip_path(), params=span).content
    assert first_number(tmp_path, before) == 25
    assert first_number(tmp_path, after) == 15


@pytest.mark.usefixtures("film")
@pytest.mark.parametrize(
    ("start_ms", "end_ms", "field"),
    [(-1, 1000, "start_ms"), (1000, 1000, "end_ms"), (2000, 1000, "end_ms"), (0, 600_001, "end_ms"), ("x", 1, "start_ms")],
)
def test_a_bad_span_names_its_field(desk: Desk, start_ms: int, end_ms: int, field: str) -> None:
    answer = desk.client.get(clip_path(), params={"start_ms": start_ms, "end_ms": end_ms})
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_a_clip_of_a_time_that_no_container_counts_to_is_behind_the_end(folder: Path, desk: Desk) -> None:
    path = write_video(folder / "short.mp4", frames=10)
    desk.add(file_source("short", path))
    span = {"start_ms": LARGEST_T_MS - 1_000, "end_ms": LARGEST_T_MS}
    assert desk.client.get(clip_path("short"), params=span).status_code == 404
    with pytest.raises(NothingThereError):
        cut(path, 10**18, 10**18 + 1_000)


def test_an_address_of_a_life_that_is_over_gives_no_clip_of_the_next_one(folder: Path, desk: Desk) -> None:
    path, span = write_video(folder / "lives.mp4", frames=10), {"start_ms": 0, "end_ms": 200}
    desk.add(file_source("lives", path, life=2))
    answers = {life: desk.client.get(clip_path("lives"), params=span | {"life": life}) for life in (1, 2, 3)}
    assert {life: answer.status_code for life, answer in answers.items()} == {1: 404, 2: 200, 3: 404}
    assert (answers[1].json()["field"], "life 2 now" in answers[1].json()["detail"]) == ("life", True)


def test_a_pushed_source_says_that_only_thumbnails_are_kept(desk: Desk) -> None:
    desk.add(push_source("pushed"))
    answer = desk.client.get(clip_path("pushed"), params={"start_ms": 0, "end_ms": 1000})
    assert answer.status_code == 404
    assert "only thumbnails are kept" in answer.json()["detail"]


def test_a_missing_file_and_an_unseen_source_are_two_answers(desk: Desk, tmp_path: Path) -> None:
    span = {"start_ms": 0, "end_ms": 1000}
    desk.add(file_source("lost", tmp_path / "lost.mp4"))
    lost = desk.client.get(clip_path("lost"), params=span)
    assert (lost.status_code, lost.json()["type"].rpartition(":")[2]) == (404, "nothing-recorded")
    assert str(tmp_path) not in lost.text
    other = desk.ring.add(["search"], ["elsewhere"])
    unseen = desk.client.get(clip_path("lost"), params=span, headers={"Authorization": f"Bearer {other}"})
    unknown = desk.client.get(clip_path("nobody"), params=span)
    assert unseen.status_code == unknown.status_code == 404
    assert unseen.json()["type"] == unknown.json()["type"]


@pytest.mark.parametrize("content", [b"", b"not a video at all" * 100])
def test_a_file_that_is_no_video_is_a_clear_problem(desk: Desk, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.mp4").write_bytes(content)
    desk.add(file_source("broken", tmp_path / "broken.mp4"))
    answer = desk.client.get(clip_path("broken"), params={"start_ms": 0, "end_ms": 1000})
    assert answer.status_code == 502
    assert answer.json()["detail"].startswith("the original media ")
    assert str(tmp_path) not in answer.text
    assert not list(desk.store.clips_folder.rglob(".making-*"))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255])
def test_the_drawn_numbers_can_be_read(number: int) -> None:
    assert read(draw(number)) == number


def test_a_file_whose_labels_are_no_text_is_cut(folder: Path) -> None:
    path = write_video(folder / "labels.mp4", frames=50)
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xff\xfe\xfd\xfc"))
    assert numbers(cut(path, 0, 400))

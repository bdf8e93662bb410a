"""What cannot be decoded says why, in words for the person who added it; what can be decoded in part is."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from originals.access import Access
from originals.errors import Unreadable
from schemas.limits import LARGEST_T_MS
from schemas.messages import Life, Source
from services.decoder.inspection import Inspected, captured_from_ms, inspect
from services.decoder.sampling import Grid
from tests.decoder.footage import ANYWHERE, shared_video, video, write_video


def source(url: str, starts_at: str | None = None) -> Source:
    return Source(
        source_id="s", kind="file", life=1, lives=(Life(life=1, began_ms=0),), url=url, sample_fps=2.0, starts_at=starts_at
    )


def refusal(path: Path | str) -> str:
    with pytest.raises(Unreadable) as refused:
        inspect(source(str(path)), ANYWHERE)
    return str(refused.value)


def times_of(path: Path) -> list[int]:
    with video(path) as found:
        return [frame.t_ms for frame in found.frames(0) if frame]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mkv", list(range(0, 10_000, 40)), size=(320, 240))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.mp4") == f"{tmp_path}/nothing.mp4 does not exist"


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert refusal(tmp_path / "empty.mp4").endswith("empty.mp4 is empty")


def test_a_folder_is_called_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_a_device_is_not_opened() -> None:
    assert refusal("/dev/zero") == "/dev/zero is not a regular file"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "is not a regular file" in refusal(tmp_path / "pipe.mp4")


def test_a_file_outside_the_allowed_folders_is_refused_wherever_a_link_lies(clip: Path, tmp_path: Path) -> None:
    inside, link = tmp_path / "inside", tmp_path / "inside" / "link.mkv"
    inside.mkdir()
    link.symlink_to(clip)
    own = inside / "own.mkv"
    own.write_bytes(clip.read_bytes())
    access = Access((inside,))
    assert isinstance(inspect(source(str(own)), access), Inspected)
    for path in (clip, link, inside / ".." / "clip.mkv", tmp_path / "nothing.mkv"):
        with pytest.raises(Unreadable, match="does not lie below a folder that files may be read from"):
            inspect(source(str(path)), access)


def test_without_allowed_folders_no_file_is_read(clip: Path) -> None:
    with pytest.raises(Unreadable, match="FRAMEBUS_DECODER_FILE_ROOTS"):
        inspect(source(str(clip)), Access(()))


def test_an_allowed_folder_may_itself_be_a_link(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "videos").symlink_to(clip.parent)
    path = tmp_path / "videos" / clip.name
    assert isinstance(inspect(source(str(path)), Access((tmp_path / "videos",))), Inspected)


@pytest.mark.parametrize(
    "content",
    [b"this is no video" * 99, bytes(4_096), os.urandom(50_000), b"\x00\x00\x00\x18ftypmp42"],
    ids=["text", "zeros", "noise", "beginning"],
)
def test_what_is_no_video_says_what_would_be(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.mp4").write_bytes(content)
    assert "is not a video that can be read (mp4, mov, mkv, webm, ts)" in refusal(tmp_path / "text.mp4")


def test_sound_alone_has_no_video_stream(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert refusal(tmp_path / "sound.mp4").endswith("sound.mp4 has no video stream")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{clip}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{clip}'\n",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
    ],
)
@pytest.mark.parametrize("suffix", ["m3u8", "ffconcat", "sdp", "mp4"])
def test_a_file_that_leads_to_others_opens_none_of_them(tmp_path: Path, clip: Path, playlist: str, suffix: str) -> None:
    path = tmp_path / f"list.{suffix}"
    path.write_text(playlist.format(clip=clip))
    assert "is not a video that can be read" in refusal(path)


@pytest.mark.parametrize(
    "url", ["concat:/etc/passwd", "data:video/mp4;base64,AAAA", "subfile,,start,0,end,9,,:/etc/passwd", "clip.mkv"]
)
def test_an_address_that_is_no_whole_path_is_refused(url: str) -> None:
    assert refusal(url).endswith("is a relative path: give the whole path")


@pytest.mark.parametrize("url", ["/a\0b", "file:///%00", "file://[/x", "http://user:secret@[/x"])
def test_an_address_that_cannot_be_is_refused_without_its_password(url: str) -> None:
    said = refusal(url)
    assert "cannot be read" in said or "no path has" in said
    assert "secret" not in said


def test_links_that_lead_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to(tmp_path / "a.mp4")
    assert "leads in a circle" in refusal(tmp_path / "a.mp4")


@pytest.mark.parametrize("url", ["rtsp://cam/1", "s3://bucket/v.mp4", "ftp://host/v.mp4", "srt://h:1"])
def test_a_scheme_that_is_not_read_names_those_that_are(url: str) -> None:
    assert "give a path, file://, http:// or https://" in refusal(url)


def test_a_file_url_is_a_path(clip: Path) -> None:
    assert isinstance(inspect(source(clip.as_uri()), ANYWHERE), Inspected)


def test_an_mp4_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", list(range(0, 4_000, 40))).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(tmp_path / "cut.mp4")


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_file_cut_in_the_middle_is_decoded_up_to_there(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"whole.{suffix}", list(range(0, 10_000, 40)), size=(320, 240))
    whole, content = times_of(path), path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert isinstance(inspect(source(str(path)), ANYWHERE), Inspected)
    times = times_of(path)
    assert times == whole[: len(times)]
    assert len(whole) * 0.3 < len(times) < len(whole) * 0.7


def test_an_mp4_with_its_index_first_and_its_end_missing_is_decoded_up_to_there(tmp_path: Path) -> None:
    content = shared_video("intel/car-detection.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: len(content) // 2])
    if content.index(b"moov") > len(content) // 2:
        assert "damaged" in refusal(path)
    else:
        assert 0 < len(times_of(path)) < 300


@pytest.mark.parametrize("hours", [b"00", b"99", b"99999999999"])
def test_a_stated_length_out_of_all_reason_is_no_more_than_a_claim(tmp_path: Path, clip: Path, hours: bytes) -> None:
    content = clip.read_bytes()
    at = content.index(b"00:00:10")
    claimed = tmp_path / "claimed.mkv"
    claimed.write_bytes(content[:at] + (hours + b":00:10.000000000")[:18].ljust(18, b"0") + content[at + 18 :])
    found = inspect(source(str(claimed)), ANYWHERE)
    assert 0 < found.duration_ms <= LARGEST_T_MS
    assert times_of(claimed) == times_of(clip)


def test_damage_in_the_middle_costs_only_the_frames_that_it_hits(tmp_path: Path, clip: Path) -> None:
    whole, content = times_of(clip), bytearray(clip.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = os.urandom(400)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(content)
    with video(damaged) as found:
        times = [frame.t_ms for frame in found.frames(0) if frame]
    assert set(times) <= set(whole)
    assert len(times) > len(whole) * 0.8
    assert times[-1] == whole[-1]


def test_samples_of_a_damaged_file_are_the_same_for_every_number_of_threads(tmp_path: Path, clip: Path) -> None:
    content = bytearray(clip.read_bytes())
    for place in (0.3, 0.5, 0.7):
        at = int(len(content) * place)
        content[at : at + 60] = bytes(60)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(content)
    found = []
    for threads in (1, 2, 4):
        with video(damaged, threads) as opened:
            found.append([(p.t_ms, p.jpeg) for p in opened.pictures(Grid(5), 0) if p])
    assert found[0] == found[1] == found[2]


def test_a_start_time_that_is_none_is_refused(clip: Path) -> None:
    with pytest.raises(Unreadable, match="expected ISO 8601"):
        inspect(source(str(clip), "yesterday"), ANYWHERE)


@pytest.mark.parametrize("starts_at", ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z"])
def test_a_start_time_that_no_frame_may_have_is_refused(clip: Path, starts_at: str) -> None:
    with pytest.raises(Unreadable, match="before 1970 or after 9998"):
        inspect(source(str(clip), starts_at), ANYWHERE)
    assert captured_from_ms("1970-01-01T00:00:00Z") == 0


def test_a_start_time_without_a_zone_is_utc() -> None:
    assert captured_from_ms("2026-11-20T08:00:00Z") == captured_from_ms("2026-11-20T08:00:00") == 1_795_161_600_000
    assert captured_from_ms("2026-11-20T10:00:00+02:00") == 1_795_161_600_000
    assert captured_from_ms(None) == -1

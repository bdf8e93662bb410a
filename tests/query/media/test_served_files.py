"""Clips and thumbnails of files behind HTTP: servers are judged as the decoder judges them, and nothing that they send takes the
service down. Asked for over HTTP, as users do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import pytest

from originals.access import Access
from schemas.networks import parse_networks
from services.query.media.cutting import SpanTooLongError, cut_clip
from services.query.media.original import Held, UnreadableError
from services.query.media.store import MediaStore
from services.query.media.stretches import Stretch
from streaming.secrets import SecretStore, origin_of
from tests.decoder.web_server import PARTIAL, UNFINISHED, Endless, Web, served
from tests.query.media.conftest import ANYWHERE, Desk, file_source, served_desk
from tests.query.media.drawn import read, shown_frames, write_video

WAYS: dict[str, dict[str, int]] = {"clip": {"start_ms": 1_000, "end_ms": 3_000}, "thumbnail": {"t_ms": 1_000}}
HUGE = (20_000).to_bytes(2, "big") * 2
LONG_GOPS = {"g": "50", "bf": "3"}


@contextmanager
def desk_of(tmp_path: Path, work_limit_seconds: float = 20.0) -> Iterator[Desk]:
    """Serve a store whose originals may lie at one address of the loopback interface."""
    access = Access((), parse_networks(["127.0.0.1"]))
    with served_desk(MediaStore(tmp_path / "media", access, work_limit_seconds=work_limit_seconds)) as desk:
        yield desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_of(tmp_path_factory.mktemp("desk")) as desk:
        yield desk


@pytest.fixture(scope="module")
def hasty_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_of(tmp_path_factory.mktemp("hasty"), 0.4) as desk:
        yield desk


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("served")
    return {f"/film.{kind}": write_video(folder / f"film.{kind}", options=LONG_GOPS).read_bytes() for kind in ("mp4", "ts")}


@pytest.fixture
def web(film: dict[str, bytes]) -> Iterator[Web]:
    with served(Web(dict(film))) as web:
        yield web


def ask(desk: Desk, url: str, way: str) -> tuple[int, dict[str, Any]]:
    """Add a source and ask for its clip or thumbnail; return the status and the problem, which is kept nowhere."""
    desk.add(file_source("film", url))
    before = kept(desk)
    answer = desk.client.get(f"/v1/sources/film/{way}", params=WAYS[way], timeout=20)
    if answer.is_success:
        return answer.status_code, {}
    assert kept(desk) == before
    assert "127.0.0.1" not in answer.json()["detail"]
    return answer.status_code, answer.json()


def kept(desk: Desk) -> list[Path]:
    folders = (desk.store.clips_folder, desk.store.made_thumbnails_folder)
    return sorted(path for folder in folders for path in folder.rglob("*.*"))


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_shown_also_where_an_allowed_redirect_leads_to_it(desk: Desk, web: Web, way: str) -> None:
    with served(Web({}, redirect=web.url("/film.mp4"))) as first:
        assert ask(desk, first.url("/moved"), way)[0] == 200


@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_to_a_server_that_is_not_allowed_is_not_followed(desk: Desk, web: Web, way: str) -> None:
    with served(Web({}, redirect=web.url("/film.mp4").replace("127.0.0.1", "127.0.0.9"))) as first:
        status, problem = ask(desk, first.url("/moved"), way)
    assert (status, problem["type"]) == (502, "urn:framebus:problem:media-unreadable")
    assert "127.0.0.9 lies outside the networks that sources may be read from (FRAMEBUS_SOURCE_NETWORKS)" in problem["detail"]
    assert web.connections == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_is_not_allowed_is_not_connected_to(desk: Desk, web: Web, way: str) -> None:
    status, problem = ask(desk, web.url("/film.mp4").replace("127.0.0.1", "127.0.0.9"), way)
    assert (status, "lies outside the networks" in problem["detail"], web.connections) == (502, True, 0)


@pytest.mark.parametrize("way", WAYS)
def test_redirects_in_a_circle_and_to_other_protocols_end(desk: Desk, web: Web, way: str) -> None:
    for target in (web.url("/film.mp4"), "file:///etc/passwd", "ftp://127.0.0.1/v", "http://[/"):
        web.redirect = target
        assert ask(desk, web.url("/film.mp4"), way)[0] == 502
    assert web.connections < 16


def test_a_password_that_is_kept_is_used(tmp_path: Path, web: Web) -> None:
    store = SecretStore(tmp_path / "secrets")
    store.put("film", "p@ss", origin_of(web.url("/")))
    web.login = "Basic dXNlcjpwQHNz"
    url = web.url("/film.mp4").replace("http://", "http://user:${secret:film}@")
    with served_desk(MediaStore(tmp_path / "media", Access((), secrets=store))) as desk:
        assert ask(desk, url, "thumbnail")[0] == 200


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (410, 404), (403, 502), (503, 502)])
def test_what_a_server_answers_is_said_without_its_address(desk: Desk, web: Web, status: int, expected: int) -> None:
    web.status = status
    found, problem = ask(desk, web.url("/film.mp4?token=s3cret"), "thumbnail")
    assert found == expected
    assert "original media" in problem["detail"]
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("piece_bytes", "pause_seconds", "head"), [(188_000, 0.0, PARTIAL), (1, 0.01, PARTIAL), (1, 0.01, UNFINISHED)]
)
def test_a_server_that_sends_without_end_is_given_up_in_time(
    hasty_desk: Desk, tmp_path: Path, way: str, piece_bytes: int, pause_seconds: float, head: bytes
) -> None:
    """A film that is followed by nothing without end, bytes that drip, and a head of an answer that drips."""
    film = write_video(tmp_path / "film.ts", frames=20).read_bytes() if piece_bytes > 1 else b""
    with Endless(piece_bytes, pause_seconds, film, head) as endless:
        status, problem = ask(hasty_desk, endless.url, way)
    assert (status, problem["type"]) == (504, "urn:framebus:problem:out-of-time")


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_of_gigabytes_is_refused(desk: Desk, web: Web, tmp_path: Path, way: str) -> None:
    path = write_video(tmp_path / "huge.mkv", codec="mjpeg", frames=60, pix_fmt="yuvj420p", size=(320, 240))
    small = (240).to_bytes(2, "big") + (320).to_bytes(2, "big")
    content = path.read_bytes()
    assert content.count(b"\xff\xc0\x00\x11\x08" + small) == 60
    web.files["/huge.mkv"] = content.replace(b"\xff\xc0\x00\x11\x08" + small, b"\xff\xc0\x00\x11\x08" + HUGE)
    status, problem = ask(desk, web.url("/huge.mkv"), way)
    assert (status, problem["detail"]) == (502, "no frame of the original media can be decoded")


def test_a_server_without_ranges_is_read_once_and_no_more_is_kept_than_the_clip_needs(web: Web, tmp_path: Path) -> None:
    web.ranges = False
    cut_clip([Stretch(web.url("/film.ts"))], 2_600, 3_000, tmp_path / "clip.mp4", ANYWHERE, lambda: None)
    assert [read(picture) for _, picture in shown_frames(tmp_path / "clip.mp4")][:10] == list(range(65, 75))
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        assert sum(packet.size > 0 for packet in clip.demux(video=0)) < 30
    assert web.connections == 1


def test_packets_that_wait_for_what_never_comes_are_bounded() -> None:
    held, packet = Held(), av.Packet(60 << 20)
    for _ in range(4):
        held.append(packet)
    with pytest.raises(UnreadableError, match="256 MiB"):
        held.append(packet)


def test_a_clip_of_too_many_bytes_is_refused(film: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film["/film.mp4"])
    with pytest.raises(SpanTooLongError, match="ask for a shorter one"):
        cut_clip([Stretch(str(path))], 0, 3_000, tmp_path / "clip.mp4", ANYWHERE, lambda: None, largest_bytes=2_000)

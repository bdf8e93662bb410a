"""Files behind HTTP: the same frames, and errors that say whether trying again helps."""

import io
import socket
import string
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from originals.access import Access
from originals.address import parse
from originals.errors import Unreachable, Unreadable
from originals.files import fingerprint, open_file
from originals.remote import RemoteFile
from schemas.networks import parse_networks
from services.decoder.decoding import Decoding
from services.decoder.inspection import inspect
from services.decoder.video import Video
from streaming.secrets import SecretStore, origin_of
from tests.decoder.footage import ANYWHERE, video, write_video
from tests.decoder.test_bad_files import source
from tests.decoder.test_verdict import CHUNK
from tests.decoder.web_server import PARTIAL, UNFINISHED, Endless, Web, served

CONTENT = bytes(range(256)) * 4_000


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    times = list(range(0, 8_000, 40))
    return {f"/v.{suffix}": write_video(folder / f"v.{suffix}", times, size=(320, 240)) for suffix in ("mp4", "mkv", "ts")}


@pytest.fixture
def web(clips: dict[str, Path]) -> Iterator[Web]:
    with served(Web({"/numbers": CONTENT, **{name: path.read_bytes() for name, path in clips.items()}})) as running:
        yield running


def times_of(url: str, from_ms: int = 0) -> list[int]:
    file = open_file(parse(url), ANYWHERE)
    with closing(file.stream), closing(Video(file, 1)) as found:
        return [frame.t_ms for frame in found.frames(from_ms) if frame]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["/v.mp4", "/v.mkv", "/v.ts"])
def test_a_remote_file_gives_the_frames_of_the_local_one(web: Web, clips: dict[str, Path], name: str, ranges: bool) -> None:
    web.ranges = ranges
    with video(clips[name]) as local:
        expected = [frame.t_ms for frame in local.frames(0) if frame]
    assert times_of(web.url(name)) == expected
    assert times_of(web.url(name), 5_000)[-1] == expected[-1]


def test_a_server_without_ranges_makes_a_file_one_chunk(web: Web) -> None:
    web.ranges = False
    file = open_file(parse(web.url("/v.mp4")), ANYWHERE)
    with closing(file.stream), closing(Video(file, 1)) as found:
        assert not found.inspect().seekable


@pytest.mark.parametrize("ranges", [True, False])
def test_reading_and_seeking_give_the_bytes(web: Web, ranges: bool) -> None:
    web.ranges = ranges
    with RemoteFile(web.url("/numbers"), ANYWHERE) as file:
        for at in (0, 10, 500_000, 3, 1_023_999):
            file.seek(at)
            assert file.read(1) == CONTENT[at : at + 1]
        assert file.seek(-1, io.SEEK_END) == len(CONTENT) - 1
        assert file.read(10) == CONTENT[-1:]
        assert file.read(10) == b""


def test_a_server_that_gives_ranges_of_all_but_the_whole_is_read_where_it_says(web: Web) -> None:
    web.whole_at_first = True
    with RemoteFile(web.url("/numbers"), ANYWHERE) as file:
        for at in (0, 500_003, 7, 200_001, 0):
            file.seek(at)
            assert file.read(5) == CONTENT[at : at + 5]


def test_a_connection_that_breaks_is_taken_up_again(web: Web) -> None:
    web.breaks_after_bytes = 300_000
    with RemoteFile(web.url("/numbers"), ANYWHERE) as file:
        assert file.read() == CONTENT
    assert len(web.requests) == 4


def test_a_server_that_always_breaks_off_is_unreachable_for_now(web: Web) -> None:
    file = RemoteFile(web.url("/numbers"), ANYWHERE)
    web.breaks_after_bytes = 0
    file.seek(500_000)
    with closing(file), pytest.raises(Unreachable, match="cannot be read at byte"):
        file.read()


def test_a_file_that_changes_while_it_is_read_is_not_read_on(web: Web) -> None:
    with RemoteFile(web.url("/numbers"), ANYWHERE) as file:
        file.read(10)
        web.tag = '"2"'
        file.seek(900_000)
        with pytest.raises(Unreachable, match="has changed while it was read"):
            file.read(10)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_answer_that_will_stay_is_final(web: Web, status: int) -> None:
    web.status = status
    with pytest.raises(Unreadable, match=f"the server answers {status}"):
        RemoteFile(web.url("/numbers"), ANYWHERE)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_an_answer_that_may_pass_is_tried_again(web: Web, status: int) -> None:
    web.status = status
    with pytest.raises(Unreachable, match=f"the server answers {status}"):
        RemoteFile(web.url("/numbers"), ANYWHERE)


def test_a_closed_port_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="Connection refused"):
        RemoteFile(f"http://127.0.0.1:{port}/v.mp4", ANYWHERE)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/v", "data:text/plain,x"])
def test_a_redirect_leads_to_no_other_protocol(web: Web, target: str) -> None:
    web.redirect = target
    with pytest.raises((Unreadable, Unreachable)):
        RemoteFile(web.url("/numbers"), ANYWHERE)


def test_a_redirect_to_another_server_is_followed_without_the_password(web: Web) -> None:
    with served(Web({}, redirect=web.url("/numbers"))) as first:
        url = first.url("/moved").replace("http://", "http://user:secret@")
        with RemoteFile(url, ANYWHERE) as file:
            assert file.read(3) == CONTENT[:3]
        assert "Authorization" in first.requests[0]
    assert all("Authorization" not in request for request in web.requests)


def test_a_server_outside_the_networks_is_not_even_connected_to(web: Web) -> None:
    elsewhere = Access((), parse_networks(["10.0.0.0/8", "fd00::/8"]))
    for url in (web.url("/numbers"), web.url("/numbers").replace("127.0.0.1", "localhost")):
        for scheme in ("http", "https"):
            with pytest.raises(Unreadable, match=r"lies outside the networks .* \(FRAMEBUS_SOURCE_NETWORKS\)"):
                RemoteFile(url.replace("http", scheme), elsewhere)
    assert web.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_a_server_within_the_networks_is_read(web: Web, host: str) -> None:
    with RemoteFile(web.url("/numbers").replace("127.0.0.1", host), Access((), parse_networks(["127.0.0.0/8"]))) as file:
        assert file.read(3) == CONTENT[:3]


def test_a_redirect_out_of_the_networks_is_refused_whatever_it_is_called(web: Web) -> None:
    """The second server stands for an internal one: the first may be read, and sends its reader there."""
    inner = web.url("/numbers").replace("127.0.0.1", "127.0.0.9")
    web.redirect = inner
    with pytest.raises(Unreadable, match=r"127\.0\.0\.9 lies outside the networks"):
        RemoteFile(web.url("/moved"), Access((), parse_networks(["127.0.0.1"])))
    assert web.connections == 1


def test_a_redirect_is_judged_again_each_time_the_file_is_asked_for(web: Web) -> None:
    file = RemoteFile(web.url("/numbers"), Access((), parse_networks(["127.0.0.1"])))
    web.redirect = web.url("/numbers").replace("127.0.0.1", "127.0.0.9")
    file.seek(900_000)
    with closing(file), pytest.raises(Unreadable, match="lies outside the networks"):
        file.read(10)


def test_https_begins_tls_on_the_connection_that_was_allowed(web: Web) -> None:
    with pytest.raises(Unreachable, match="SSL"):
        RemoteFile(web.url("/numbers").replace("http", "https"), ANYWHERE)
    assert web.connections == 1


def test_a_login_in_the_address_is_used_and_never_shown(web: Web) -> None:
    web.login = "Basic dXNlcjpwQHNz"
    with RemoteFile(web.url("/numbers").replace("http://", "http://user:p%40ss@"), ANYWHERE) as file:
        assert file.read(3) == CONTENT[:3]
    with pytest.raises(Unreadable) as refused:
        RemoteFile(web.url("/numbers").replace("http://", "http://user:wrong@"), ANYWHERE)
    assert "wrong" not in str(refused.value)


def test_a_password_that_is_kept_is_used_and_one_that_is_not_is_waited_for(web: Web, tmp_path: Path) -> None:
    web.login = "Basic dXNlcjpwQHNz"
    store = SecretStore(tmp_path)
    url = web.url("/numbers").replace("http://", "http://user:${secret:film}@")
    for access in (ANYWHERE, Access((), secrets=store)):
        with pytest.raises(Unreachable, match="password"):
            open_file(parse(url), access)
    store.put("film", "p@ss", origin_of(url))
    with closing(open_file(parse(url), Access((), secrets=store)).stream) as stream:
        assert stream.read(3) == CONTENT[:3]


@pytest.mark.parametrize("url", ["/films/${secret:a}", "http://127.0.0.1/a.mp4?token=${secret:a}"])
def test_a_secret_may_be_a_password_and_nothing_else(url: str) -> None:
    with pytest.raises(Unreadable, match="names a secret"):
        parse(url)


def test_an_empty_remote_file_is_called_empty(web: Web) -> None:
    web.files["/empty.mp4"] = b""
    with pytest.raises(Unreadable, match="is empty"):
        open_file(parse(web.url("/empty.mp4")), ANYWHERE)


def test_a_web_page_is_no_video(web: Web) -> None:
    web.files["/page.mp4"] = b"<!doctype html><p>not found</p>"
    with pytest.raises(Unreadable, match="is not a video that can be read"):
        times_of(web.url("/page.mp4"))


def test_the_same_bytes_have_the_same_fingerprint_wherever_they_lie(web: Web, clips: dict[str, Path]) -> None:
    local, remote = open_file(parse(str(clips["/v.mkv"])), ANYWHERE), open_file(parse(web.url("/v.mkv")), ANYWHERE)
    with closing(local.stream), closing(remote.stream):
        assert fingerprint(local) == fingerprint(remote)


@pytest.mark.parametrize("at", [0, 0.4, 0.6, 1])
def test_a_change_anywhere_sampled_changes_the_fingerprint(tmp_path: Path, at: float) -> None:
    path, content = tmp_path / "v", bytearray(200_000)
    prints = set()
    for value in (0, 1):
        content[int(at * 199_999)] = value
        path.write_bytes(content)
        file = open_file(parse(str(path)), ANYWHERE)
        with closing(file.stream):
            prints.add(fingerprint(file))
    assert len(prints) == 2


@pytest.mark.parametrize("name", ["/Tür 3.mp4", "/T%C3%BCr%203.mp4", "/東京.mp4?größe=1"])
def test_an_address_that_people_write_is_asked_for_in_ascii(name: str) -> None:
    with (
        served(Web({quote(name, safe=string.punctuation): CONTENT})) as web,
        closing(RemoteFile(web.url(name), ANYWHERE)) as file,
    ):
        assert file.read() == CONTENT


@pytest.mark.parametrize("host", ["a..b", "ü..b", "x" * 70, "[::1", "[", "ł" * 70])
def test_a_host_that_cannot_be_is_refused_and_ends_nothing(host: str) -> None:
    with pytest.raises(Unreadable, match=r"cannot be read|no host that can be"):
        open_file(parse(f"http://{host}/v.mp4"), ANYWHERE)


@pytest.mark.parametrize("target", ["http://[/", "http://a..b/", "file:///etc/passwd", "data:,x", "//[", "/\x00"])
def test_a_redirect_to_what_is_no_address_is_refused_and_ends_nothing(web: Web, target: str) -> None:
    web.redirect = target
    with pytest.raises((Unreadable, Unreachable)):
        open_file(parse(web.url("/numbers")), ANYWHERE)


@pytest.mark.parametrize(
    ("piece_bytes", "pause_seconds", "head"), [(188_000, 0.0, PARTIAL), (1, 0.01, PARTIAL), (1, 0.01, UNFINISHED)]
)
def test_a_server_that_sends_without_end_is_given_up(piece_bytes: int, pause_seconds: float, head: bytes) -> None:
    with Endless(piece_bytes, pause_seconds, head=head) as endless, pytest.raises(Unreachable, match="was given up"):
        inspect(source(endless.url), ANYWHERE, within_seconds=0.5)


def test_the_body_of_a_redirect_may_have_no_end(web: Web) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {web.url('/numbers')}\r\n\r\n".encode()
    with Endless(188_000, 0.0, head=moved) as endless, RemoteFile(endless.url, ANYWHERE) as file:
        assert file.read(3) == CONTENT[:3]


def test_a_chunk_that_is_given_up_lets_go_of_a_server_that_sends_without_end() -> None:
    order = msgspec.structs.replace(CHUNK, url="", fingerprint="")
    with ThreadPoolExecutor(1) as pool, Endless(188_000, 0.0) as endless:
        decoding = Decoding(pool, msgspec.structs.replace(order, url=endless.url), 1, ANYWHERE, Path("/"))
        decoding.give_up()
        pool.submit(int).result(20)

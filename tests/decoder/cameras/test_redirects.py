"""A camera that sends its viewers elsewhere is not followed: nobody is connected to, and no password is given away."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from framebus.demo.camera import CameraServer, LiveScene
from schemas.messages import Life, Source, SourceStatus, decode
from schemas.networks import parse_networks
from schemas.topics import SOURCE_STATUS
from services.decoder.cameras.capture import Capture, Surroundings
from services.decoder.cameras.errors import CameraDown
from services.decoder.cameras.places import Place
from services.decoder.cameras.redirects import ANSWER_BYTES_LIMIT, refuse_redirects
from services.decoder.cameras.rtsp import RtspCamera
from services.decoder.metrics import METRICS
from streaming.metrics import Metrics
from streaming.secrets import SecretStore

LOGIN = ("viewer", "pa:ss/w?rd")
OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n"
MOVED = b"RTSP/1.0 302 Moved\r\nCSeq: 2\r\nLocation: rtsp://10.9.8.7:8554/live\r\n\r\n"


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """Listen where nobody is to come."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.mark.parametrize("login", [None, LOGIN])
def test_nobody_is_connected_to_where_a_camera_redirects(login: tuple[str, str] | None, elsewhere: socket.socket) -> None:
    host = f"127.0.0.1:{elsewhere.getsockname()[1]}"
    with CameraServer({"gate": LiveScene()}, login=login) as server:
        server.mount("gate").faults.moved_to = f"rtsp://viewer:secret@{host}/other?token=1"
        with pytest.raises(CameraDown, match=f"^the camera redirects to {host}/other: add that address instead$"):
            RtspCamera(Place(server.url("gate"), "tcp", ()))
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
        server.mount("gate").faults.moved_to = ""
        with closing(RtspCamera(Place(server.url("gate"), "tcp", ()))) as camera:
            assert next(iter(camera.packets())).video
        assert server.mount("gate").plays == 1


def test_the_status_of_a_camera_says_where_it_redirects(tmp_path: Path) -> None:
    statuses: list[SourceStatus] = []

    def offer(topic: str, value: bytes, **_: Any) -> bool:
        statuses.extend([decode(value, SourceStatus)] if topic == SOURCE_STATUS.name else [])
        return True

    outbox = cast("Any", SimpleNamespace(answers=0, offer=offer))
    around = Surroundings(outbox, Metrics(METRICS), SecretStore(tmp_path), parse_networks(["127.0.0.0/8"]), tmp_path)
    with CameraServer({"gate": LiveScene()}) as server:
        server.mount("gate").faults.moved_to = "rtsp://192.0.2.7/live"
        lives = (Life(life=1, began_ms=0),)
        source = Source(source_id="a", kind="camera", life=1, lives=lives, url=server.url("gate"), sample_fps=1.0, record=False)
        capture = Capture(source, None, around)
        capture.start()
        await_that(lambda: len(statuses) > 1)
        capture.stop()
        capture.end(5.0)
    assert {(one.state, one.error) for one in statuses[1:]} == {
        ("waiting", "the camera redirects to 192.0.2.7:554/live: add that address instead")
    }


def await_that(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@dataclass
class Scripted:
    """A server that answers each request of one connection with the next of its answers, whatever it is."""

    answers: Sequence[bytes]
    after_seconds: float = 0.0
    heard: list[str] = field(default_factory=list)
    encryption: ssl.SSLContext | None = None

    @contextmanager
    def serving(self, path: str = "/live") -> Iterator[Place]:
        """Serve while the block runs; yields the place."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=self._serve, args=(listening,))
            thread.start()
            scheme = "rtsp" if self.encryption is None else "rtsps"
            yield Place(f"{scheme}://viewer:s3cret@127.0.0.1:{listening.getsockname()[1]}{path}", "tcp", ("s3cret",))
            thread.join(5)
            assert not thread.is_alive()

    def _serve(self, listening: socket.socket) -> None:
        taken, _ = listening.accept()
        with suppress(OSError), taken if self.encryption is None else self.encryption.wrap_socket(taken, True) as connection:
            connection.settimeout(5)
            for answer in self.answers:
                self.heard.append(connection.recv(4096).decode(errors="replace"))
                time.sleep(self.after_seconds)
                connection.sendall(answer)
            while connection.recv(4096):
                """Wait until it is left."""


@pytest.mark.parametrize("answers", [[MOVED], [OK, MOVED], [OK, MOVED.replace(b"\r\n", b"\n")]])
def test_a_redirection_is_told_whichever_question_it_answers(answers: list[bytes]) -> None:
    script = Scripted(answers)
    with script.serving("/live?channel=1") as place, pytest.raises(CameraDown, match=r"redirects to 10\.9\.8\.7:8554/live: add"):
        refuse_redirects(place, 5.0)
    port = place.url.rpartition(":")[2].partition("/")[0]
    first_lines = [request.partition("\r\n")[0] for request in script.heard]
    questions = [f"{method} rtsp://127.0.0.1:{port}/live?channel=1 RTSP/1.0" for method in ("OPTIONS", "DESCRIBE")]
    assert first_lines == questions[: len(answers)]
    assert not any("s3cret" in request or "viewer" in request for request in script.heard)


@pytest.mark.parametrize(
    "answers",
    [
        [OK, OK],
        [b"RTSP/1.0 401 Unauthorized\r\n\r\n", b"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest\r\n\r\n"],
        [OK, b"RTSP/1.0 404 Not Found\r\n\r\n"],
        [OK, b"RTSP/1.0 500 3xx\r\nLocation: rtsp://10.9.8.7/\r\n\r\n"],
        [b"HTTP/1.1 302 Found\r\nLocation: http://10.9.8.7/\r\n\r\n"],
        [b"\x00\xff" * 99],
        [OK, b"RTSP/1.0 200 OK\r\n" + b"Filler: x\r\n" * ANSWER_BYTES_LIMIT],
    ],
)
def test_any_other_answer_is_left_to_ffmpeg(answers: list[bytes]) -> None:
    with Scripted(answers).serving() as place:
        began = time.monotonic()
        assert refuse_redirects(place, 5.0) == pytest.approx(5.0 - (time.monotonic() - began), abs=0.1)


def test_a_camera_that_hangs_up_is_left_to_ffmpeg() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = Place(f"rtsp://127.0.0.1:{listening.getsockname()[1]}/live", "tcp", ())
        with ThreadPoolExecutor(1) as caller:
            left = caller.submit(refuse_redirects, place, 5.0)
            listening.accept()[0].close()
            assert left.result() > 4.0


@pytest.mark.parametrize("answers", [[OK], [b"RTSP/1.0 200"], [b"RTSP/1.0 302 Moved\r\nLocation: rtsp://10.9.8.7/\r\n"]])
def test_the_time_that_passes_is_that_of_opening(answers: list[bytes]) -> None:
    with Scripted(answers).serving() as place:
        began = time.monotonic()
        with pytest.raises(CameraDown, match="the camera does not answer in time"):
            RtspCamera(place, 0.6)
        assert time.monotonic() - began == pytest.approx(0.6, abs=0.2)


def test_what_asking_takes_is_not_left_for_opening() -> None:
    with Scripted([OK, OK], after_seconds=0.3).serving() as place:
        assert refuse_redirects(place, 5.0) == pytest.approx(4.4, abs=0.2)


def test_where_nobody_listens_is_said_as_before() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(CameraDown, match="nothing listens at the camera's address and port"):
        RtspCamera(Place(f"rtsp://127.0.0.1:{port}/live", "tcp", ()))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (b"Location: rtsp://u:s3cret@cam.example/live?key=k", "cam.example:554/live"),
        (b"location:rtsps://[2001:db8::1]/a/b", "[2001:db8::1]:322/a/b"),
        (b"Location: /other/s3cret", "/other/***"),
        (b"Location: rtsp://h/\xff\x1b[31m" + b"x" * 5_000, "h:554/??[31m" + "x" * 188),
        (b"Content-Length: 0", "no address"),
        (b"Location: rtsp://h:port/", "what is no address"),
    ],
)
def test_what_is_said_of_a_redirection_is_short_and_no_secret(location: bytes, shown: str) -> None:
    with Scripted([b"RTSP/1.0 301 Moved\r\n" + location + b"\r\n\r\n"]).serving() as place, pytest.raises(CameraDown) as down:
        refuse_redirects(place, 5.0)
    assert str(down.value) == f"the camera redirects to {shown}: add that address instead"


def test_a_camera_with_tls_is_asked_too() -> None:
    encryption = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    encryption.load_cert_chain(Path(__file__).with_name("camera.pem"))
    script = Scripted([OK, MOVED], encryption=encryption)
    with script.serving() as place, pytest.raises(CameraDown, match=r"redirects to 10\.9\.8\.7:8554/live"):
        refuse_redirects(place, 5.0)
    assert [request.split()[0] for request in script.heard] == ["OPTIONS", "DESCRIBE"]
    with Scripted([b"no TLS"]).serving() as place:
        assert refuse_redirects(Place(place.url.replace("rtsp:", "rtsps:"), "tcp", ()), 5.0) > 4.0

"""The client against a real HTTP server that speaks as the query service does; the whole stack is in tests/end_to_end."""

import base64
import json
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from framebus.client import Client, FramebusError, Source

KEY = "fb_test"


class Server:
    """An API that remembers what it was asked."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.asked: list[tuple[str, str, Any]] = []
        self.app.middleware("http")(self._remember)
        self.app.get("/v1/sources")(self._sources)
        self.app.put("/v1/sources/{source_id}")(self._put)
        self.app.put("/v1/sources/{source_id}/media")(self._put)
        self.app.post("/v1/sources/{source_id}/frames", status_code=202)(self._frame)
        self.app.get("/v1/sources/{source_id}")(self._source)
        self.app.post("/v1/search")(self._search)
        self.app.get("/readyz")(self._ready)
        self.starting = 0
        self.progress = count(0)

    async def _remember(self, request: Request, call_next: Any) -> Any:
        body = await request.body()
        self.asked.append((request.method, request.url.path, body))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _problem(401, "Unauthenticated", "no key")
        if self.starting > 0:
            self.starting -= 1
            return _problem(503, "Unavailable", "the index is still loading")
        return await call_next(request)

    def _sources(self, cursor: str | None = None) -> dict[str, Any]:
        ids = {None: ("a", "b"), "2": ("c",)}[cursor]
        listed = [{"source_id": one, "kind": "file", "state": "indexed", "novelty": 1} for one in ids]
        return {"sources": listed, "next_cursor": None if cursor else "2"}

    def _source(self, source_id: str) -> Any:
        if source_id == "unknown":
            return _problem(404, "Not found", "no source 'unknown'")
        done = next(self.progress)
        return {"source_id": source_id, "kind": "file", "state": "indexed" if done >= 2 else "running", "progress": done / 2}

    def _put(self, source_id: str) -> dict[str, Any]:
        return {"source_id": source_id, "kind": "file", "state": "waiting"}

    def _frame(self, source_id: str, request: Request, t_ms: int = 7) -> dict[str, Any]:
        assert request.headers["content-type"] == "image/jpeg"
        return {"source_id": source_id, "t_ms": t_ms, "captured_ms": 9, "partition": 3, "offset": 1}

    def _search(self) -> dict[str, Any]:
        return {"hits": [{"source_id": "a", "start_ms": 0, "end_ms": 2, "peak_ms": 1, "score": 0.5}], "found": True}

    def _ready(self) -> Any:
        return JSONResponse({"ready": False, "parts": {"kafka": True, "milvus": False}}, 503)


def _problem(status: int, title: str, detail: str) -> JSONResponse:
    return JSONResponse({"title": title, "detail": detail}, status, media_type="application/problem+json")


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Server, str]]:
    server = Server()
    http = uvicorn.Server(uvicorn.Config(server.app, port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=http.run, daemon=True)
    thread.start()
    patience = threading.Event()
    while not http.started:
        assert thread.is_alive()
        patience.wait(0.01)
    port = http.servers[0].sockets[0].getsockname()[1]
    yield server, f"http://127.0.0.1:{port}"
    http.should_exit = True
    thread.join()


@pytest.fixture
def server(running: tuple[Server, str]) -> Server:
    running[0].asked.clear()
    running[0].progress = count(0)
    return running[0]


@pytest.fixture
def client(running: tuple[Server, str]) -> Iterator[Client]:
    with Client(running[1], KEY, starting_seconds=5) as client:
        yield client


def test_the_list_of_sources_is_read_page_by_page(client: Client) -> None:
    assert [source.source_id for source in client.sources()] == ["a", "b", "c"]


def test_a_server_that_is_still_starting_is_asked_again(client: Client, server: Server) -> None:
    server.starting = 2
    assert client.search("a dog").found
    assert len(server.asked) == 3


def test_a_server_that_starts_for_too_long_is_an_error_that_says_so(running: tuple[Server, str], server: Server) -> None:
    server.starting = 2
    with Client(running[1], KEY, starting_seconds=0) as hasty, pytest.raises(FramebusError, match="still loading") as refused:
        hasty.sources()
    server.starting = 0
    assert refused.value.status == 503


def test_a_wrong_key_is_an_error_with_its_status(running: tuple[Server, str]) -> None:
    with Client(running[1], "fb_wrong") as stranger, pytest.raises(FramebusError, match="no key") as refused:
        stranger.sources()
    assert refused.value.status == 401


def test_waiting_yields_progress_until_all_is_indexed(client: Client, server: Server) -> None:
    steps = [step[0] for step in client.wait(["a"])]
    assert [step.progress for step in steps] == [0.0, 0.5, 1.0]
    assert steps[-1].state == "indexed"


def test_waiting_for_an_unknown_source_is_an_error(client: Client, server: Server) -> None:
    with pytest.raises(FramebusError, match="no source 'unknown'"):
        next(client.wait(["unknown"]))


def test_waiting_ends_at_its_timeout(client: Client, server: Server) -> None:
    server.progress = count(-1000)
    with pytest.raises(TimeoutError, match=r"a \(running\)$"):
        list(client.wait(["a"], timeout_seconds=0))


def test_a_search_sends_only_what_was_given(client: Client, server: Server, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"\xff\xd8")
    client.search(image=picture, sources=["a"], labels={"site": "north"}, limit=3)
    assert json.loads(server.asked[-1][2]) == {
        "image": base64.b64encode(b"\xff\xd8").decode(),
        "filters": {"sources": ["a"], "labels": {"site": "north"}},
        "mode": "ranked",
        "limit": 3,
    }


def test_a_local_file_goes_by_its_absolute_path_to_a_server_on_this_machine(
    client: Client, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = client.add("holiday.mp4", category="private")
    method, path, body = server.asked[-1]
    assert (method, path) == ("PUT", f"/v1/sources/{source.source_id}")
    assert json.loads(body) == {"url": str(tmp_path / "holiday.mp4"), "category": "private"}
    assert source.source_id.startswith("holiday-")
    assert client.add(tmp_path / "holiday.mp4").source_id == source.source_id


def test_an_upload_sends_the_bytes_of_the_file(client: Client, server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a video")
    client.upload("a", tmp_path / "a.mp4")
    assert server.asked[-1] == ("PUT", "/v1/sources/a/media", b"a video")


def test_readiness_is_read_from_an_answer_that_is_not_ready(client: Client) -> None:
    readiness = client.readiness()
    assert not readiness.ready
    assert readiness.parts == {"kafka": True, "milvus": False}


def test_a_picture_is_sent_as_it_is_and_its_times_only_where_they_are_given(client: Client, server: Server) -> None:
    assert client.send_frame("door", b"jpeg").t_ms == 7
    assert client.send_frame("door", b"jpeg", t_ms=5).t_ms == 5
    assert server.asked[-1] == ("POST", "/v1/sources/door/frames", b"jpeg")


def test_an_address_that_cannot_be_read_is_told_without_its_password(client: Client) -> None:
    with pytest.raises(FramebusError, match="write @ as %40") as refused:
        client.add("rtsp://me:hunter2[x@host/1")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("fields", "settled"),
    [
        ({"kind": "camera", "state": "waiting"}, False),
        ({"kind": "camera", "state": "running"}, False),
        ({"kind": "camera", "state": "running", "last_t_ms": 5}, True),
        ({"kind": "camera", "state": "paused"}, True),
        ({"kind": "push", "state": "running"}, True),
        ({"kind": "file", "state": "running"}, False),
        ({"kind": "file", "state": "indexed"}, True),
    ],
)
def test_a_source_is_settled_when_waiting_longer_changes_nothing(fields: dict[str, Any], settled: bool) -> None:
    assert msgspec.convert({"source_id": "a", **fields}, Source).settled == settled

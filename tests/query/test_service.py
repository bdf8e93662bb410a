"""The service as a process of its own, on the real broker and the real Milvus."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from schemas.messages import ChunkStatus, Plan, Source, SourceRequest, SourceStatus, Span
from schemas.topics import CHUNK_STATUS, SOURCE_REQUESTS, SOURCE_STATUS, SOURCES
from services.query.__main__ import _encoder, _key_ring
from services.query.settings import QuerySettings
from streaming.admin import create_topics
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.settings import SettingError, read
from streaming.state import StateTopic
from tests.query.app_under_test import KEY
from tests.tiny_model import make_tiny_model

DEADLINE_SECONDS = 30.0


@dataclass
class Running:
    """A query process, a client of it, and a producer beside it."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    outbox: Outbox
    folder: Path
    kafka: str

    def recorded(self, source_id: str, wanted: Callable[[Source], bool]) -> Source:
        """Return the record of a source on the bus once it is as wanted."""
        topic = StateTopic(self.kafka, SOURCES, Source)
        try:
            topic.read_to_end()
            eventually(lambda: topic.poll() or (source_id in topic.values and wanted(topic.values[source_id])))
            return topic.values[source_id]
        finally:
            topic.close()

    def put(self, source_id: str, **fields: Any) -> dict[str, Any]:
        """Add or change a source that must be accepted."""
        answer = self.client.put(f"/v1/sources/{source_id}", json=fields)
        assert answer.status_code in (200, 201), answer.text
        document: dict[str, Any] = answer.json()
        return document

    def state(self, source_id: str) -> str:
        """Return the state that is listed."""
        return str(self.client.get(f"/v1/sources/{source_id}").json()["state"])


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "did not come to hold in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def running(kafka: str, milvus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start the service on a free port."""
    folder = tmp_path_factory.mktemp("service")
    create_topics(kafka)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "FRAMEBUS_KAFKA": kafka,
        "FRAMEBUS_MILVUS": milvus,
        "FRAMEBUS_MEDIA": str(folder / "media"),
        "FRAMEBUS_ENCODER": str(make_tiny_model(folder / "model")),
        "FRAMEBUS_API_KEY": KEY,
        "FRAMEBUS_QUERY_PORT": str(port),
        "FRAMEBUS_QUERY_FILE_ROOTS": str(folder),
    }
    process = subprocess.Popen([sys.executable, "-m", "services.query"], env=environment)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {KEY}"}, trust_env=False)
    outbox = Outbox(kafka, "test", Metrics())
    try:
        eventually(lambda: answers(client))
        eventually(lambda: client.get("/v1/sources").status_code == 200)
        yield Running(process, client, outbox, folder, kafka)
    finally:
        client.close()
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert process.returncode == 0


def answers(client: httpx.Client) -> bool:
    """Say whether the process answers at all."""
    try:
        return client.get("/healthz").status_code == 200
    except httpx.ConnectError:
        return False


def test_a_put_writes_the_record_and_answers_with_the_source(running: Running) -> None:
    url = str(running.folder / "a.mp4")
    answer = running.put("put-1", url=url, category="traffic", labels={"site": "north"}, sample_fps=4)
    assert (answer["state"], answer["kind"], answer["url"], answer["life"]) == ("waiting", "file", url, 1)
    record = running.recorded("put-1", lambda source: True)
    assert (record.category, record.labels, record.sample_fps) == ("traffic", {"site": "north"}, 4.0)


def test_a_change_of_the_name_keeps_the_life_and_a_change_of_the_address_begins_another(running: Running) -> None:
    running.put("lives-1", url=str(running.folder / "a.mp4"))
    assert running.client.patch("/v1/sources/lives-1", json={"name": "A"}).json()["life"] == 1
    assert running.put("lives-1", url=str(running.folder / "b.mp4"))["life"] == 2
    record = running.recorded("lives-1", lambda source: source.life == 2)
    assert [life.life for life in record.lives] == [1, 2]
    assert record.lives[0].began_ms < record.lives[1].began_ms


def test_a_removed_source_is_gone_at_once_and_lives_anew_when_added_again(running: Running) -> None:
    running.put("gone-1", url=str(running.folder / "a.mp4"))
    assert running.client.delete("/v1/sources/gone-1").status_code == 200
    assert running.client.get("/v1/sources/gone-1").status_code == 404
    assert "gone-1" not in {source["source_id"] for source in running.client.get("/v1/sources").json()["sources"]}
    assert running.recorded("gone-1", lambda source: source.wanted == "removed").life == 1
    assert running.put("gone-1", url=str(running.folder / "a.mp4"))["life"] == 2


def test_pause_and_resume_change_what_is_wanted(running: Running) -> None:
    running.put("pause-1", url=str(running.folder / "a.mp4"))
    assert running.client.patch("/v1/sources/pause-1", json={"wanted": "paused"}).json()["state"] == "paused"
    assert running.recorded("pause-1", lambda source: source.wanted == "paused").life == 1
    assert running.client.patch("/v1/sources/pause-1", json={"wanted": "running"}).json()["state"] == "waiting"


def test_an_unknown_id_on_the_bus_is_registered_as_a_push_source(running: Running) -> None:
    request = SourceRequest(reason="unknown_id", source_id="pushed-1", at_ms=1)
    running.outbox.send_message(SOURCE_REQUESTS.name, request, key="pushed-1")
    running.outbox.flush()
    eventually(lambda: running.client.get("/v1/sources/pushed-1").status_code == 200)
    assert running.client.get("/v1/sources/pushed-1").json()["kind"] == "push"
    assert running.recorded("pushed-1", lambda source: True).kind == "push"


def test_a_changed_file_begins_a_new_life_once(running: Running) -> None:
    running.put("changed-1", url=str(running.folder / "a.mp4"))
    request = SourceRequest(reason="changed_file", source_id="changed-1", life=1, fingerprint="f", at_ms=1)
    for _ in range(3):
        running.outbox.send_message(SOURCE_REQUESTS.name, request, key="changed-1")
    running.outbox.send_message(SOURCE_REQUESTS.name, SourceRequest(reason="unknown_id", source_id="after-1", at_ms=1), key="a")
    running.outbox.flush()
    eventually(lambda: running.client.get("/v1/sources/after-1").status_code == 200)
    assert running.client.get("/v1/sources/changed-1").json()["life"] == 2


def test_the_state_follows_what_the_decoder_says(running: Running) -> None:
    running.put("state-1", url=str(running.folder / "a.mp4"))
    plan = Plan(
        life=1, fingerprint="f", duration_ms=90_000, sample_fps=2.0, seekable=True,
        chunks=(Span(index=0, start_ms=0, end_ms=60_000), Span(index=1, start_ms=60_000, end_ms=120_000)),
    )  # fmt: skip
    status = SourceStatus(source_id="state-1", life=1, state="running", since_ms=1, plan=plan)
    running.outbox.send_message(SOURCE_STATUS.name, status, key="state-1")
    running.outbox.flush()
    eventually(lambda: running.state("state-1") == "running")
    done = ChunkStatus(stream="state-1/1/c0", source_id="state-1", life=1, index=0, space="tiny-0@00000000", rows=120)
    running.outbox.send_message(CHUNK_STATUS.name, done, key=f"{done.space}/{done.stream}")
    failed = SourceStatus(source_id="state-1", life=1, state="failed", since_ms=2, error="moov atom not found", plan=plan)
    running.outbox.send_message(SOURCE_STATUS.name, failed, key="state-1")
    running.outbox.flush()
    eventually(lambda: running.state("state-1") == "failed")
    shown = running.client.get("/v1/sources/state-1").json()
    assert (shown["error"], shown["chunks_done"], shown["chunks_planned"]) == ("moov atom not found", 0, 2)
    assert shown["duration_ms"] == 90_000


def test_the_list_comes_in_pages(running: Running) -> None:
    for number in range(3):
        running.put(f"page-{number}", url=str(running.folder / "a.mp4"))
    seen: list[str] = []
    cursor = "page"
    while cursor and len(seen) < 3:
        answer = running.client.get("/v1/sources", params={"limit": 2, "cursor": cursor}).json()
        seen += [source["source_id"] for source in answer["sources"]]
        cursor = answer["next_cursor"]
    assert seen[:3] == ["page-0", "page-1", "page-2"]


def test_the_process_stays_small_and_says_how_it_is(running: Running) -> None:
    assert psutil.Process(running.process.pid).memory_info().rss < 500e6
    assert b"framebus_query_requests_total" in running.client.get("/metrics").content
    assert set(running.client.get("/readyz").json()["parts"]) == {"kafka", "milvus", "model"}
    assert "SearchRequest" in running.client.get("/openapi.json").json()["components"]["schemas"]


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("FRAMEBUS_ENCODER", "nowhere", "neither a shipped model"),
        ("FRAMEBUS_API_KEY", "short", "FRAMEBUS_API_KEY"),
        ("FRAMEBUS_QUERY_HOST", "0.0.0.0", "without API keys only 127.0.0.1"),
        ("FRAMEBUS_QUERY_SAMPLE_FPS", "fast", "FRAMEBUS_QUERY_SAMPLE_FPS"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, setting: str, value: str, told: str) -> None:
    environment = {"FRAMEBUS_ENCODER": str(make_tiny_model(tmp_path / "model"))} | {setting: value}
    with pytest.raises(SettingError, match=re.escape(told)):
        check_settings(environment)


def check_settings(environment: dict[str, str]) -> None:
    settings = read(QuerySettings, environment)
    _key_ring(settings)
    _encoder(settings)

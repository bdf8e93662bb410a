"""Cameras at the API: where they may lie, what is recorded of them, and where their passwords are and are not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.messages import Source
from schemas.networks import parse_networks
from schemas.topics import SOURCES
from services.query.addresses import Allowed, check_networks, resolve
from services.query.passwords import Passwords
from services.query.problems import Problem
from streaming.admin import create_topics
from streaming.secrets import SecretStore
from streaming.state import StateTopic
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.test_requests import NO_SERVER, problem, send
from tests.tiny_model import make_tiny_model

PASSWORD = "hunter2 %&"
ADDRESS = "rtsp://me:hunter2%20%25%26@127.0.0.1:8554/live"
SHOWN = "rtsp://me:${secret:door}@127.0.0.1:8554/live"


@pytest.fixture(scope="module")
def under_test(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[UnderTest]:
    """Compose the application on a real broker; cameras may lie on the loopback interface."""
    folder = tmp_path_factory.mktemp("cameras")
    create_topics(kafka)
    app = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER, kafka=kafka)
    yield app
    close(app)


def secret(under_test: UnderTest, name: str) -> str | None:
    """Return what the secret store holds."""
    path = Path(under_test.services.allowed.file_roots[0]) / "secrets" / name
    return path.read_text() if path.exists() else None


def done(answer: httpx.Response) -> dict[str, Any]:
    """Return the document of an answer that must be a success."""
    assert answer.is_success, answer.text
    document: dict[str, Any] = answer.json()
    return document


def recorded(under_test: UnderTest, source_id: str) -> Source:
    """Return the newest record on the bus; no record of the topic holds the password."""
    topic = StateTopic(under_test.services.kafka, SOURCES, Source)
    try:
        topic.read_to_end()
        assert not any("hunter2" in repr(source) for source in topic.values.values())
        return topic.values[source_id]
    finally:
        topic.close()


def test_a_camera_is_recorded_with_its_defaults_and_without_its_password(under_test: UnderTest) -> None:
    answer = send(under_test, "PUT", "/v1/sources/door", json={"url": ADDRESS})
    assert answer.status_code == 201
    assert "hunter2" not in answer.text
    shown = answer.json()
    assert (shown["kind"], shown["state"], shown["url"]) == ("camera", "waiting", SHOWN)
    assert (shown["sample_fps"], shown["record"], shown["keep_days"]) == (1.0, True, None)
    assert recorded(under_test, "door").url == SHOWN
    assert secret(under_test, "door") == PASSWORD


def test_a_password_is_kept_replaced_and_forgotten_with_its_source(under_test: UnderTest) -> None:
    path = "/v1/sources/kept"
    done(send(under_test, "PUT", path, json={"url": ADDRESS}))
    done(send(under_test, "PATCH", path, json={"name": "Front", "wanted": "paused"}))
    other = SHOWN.replace("door", "kept").replace("live", "other")
    assert done(send(under_test, "PATCH", path, json={"url": other}))["url"] == other
    assert done(send(under_test, "PUT", path, json={"url": other}))["kind"] == "camera"
    assert secret(under_test, "kept") == PASSWORD
    done(send(under_test, "PATCH", path, json={"url": ADDRESS.replace("hunter2", "hunter3")}))
    assert secret(under_test, "kept") == PASSWORD.replace("2", "3")
    assert recorded(under_test, "kept").life == 1
    done(send(under_test, "PUT", path, json={"url": "rtsp://me@127.0.0.1/live"}))
    assert secret(under_test, "kept") is None
    done(send(under_test, "PUT", path, json={"url": ADDRESS}))
    assert send(under_test, "DELETE", path).status_code == 200
    assert secret(under_test, "kept") is None
    again = problem(send(under_test, "PUT", path, json={"url": SHOWN.replace("door", "kept")}))
    assert (again["status"], again["field"]) == (422, "url")
    assert "no password is kept" in again["detail"]


def test_the_password_of_a_file_behind_http_is_kept_as_that_of_a_camera(under_test: UnderTest) -> None:
    path, shown = "/v1/sources/served", "https://me:${secret:served}@127.0.0.1/a.mp4?v=1"
    answer = send(under_test, "PUT", path, json={"url": "https://me:hunter2%20%25%26@127.0.0.1/a.mp4?v=1"})
    assert "hunter2" not in answer.text
    assert (done(answer)["kind"], answer.json()["url"], recorded(under_test, "served").url) == ("file", shown, shown)
    assert secret(under_test, "served") == PASSWORD
    for elsewhere in (shown.replace("https", "http"), shown.replace("0.1", "0.2"), shown.replace("https", "rtsp")):
        assert "another host or scheme" in problem(send(under_test, "PATCH", path, json={"url": elsewhere}))["detail"]
    assert send(under_test, "DELETE", path).status_code == 200
    assert secret(under_test, "served") is None


def test_a_kept_password_goes_to_no_other_host(under_test: UnderTest) -> None:
    done(send(under_test, "PUT", "/v1/sources/moved", json={"url": ADDRESS}))
    elsewhere = "rtsp://me:${secret:moved}@127.0.0.2:8554/live"
    told = problem(send(under_test, "PATCH", "/v1/sources/moved", json={"url": elsewhere}))
    assert "another host" in told["detail"]
    assert done(send(under_test, "GET", "/v1/sources/moved"))["url"] == SHOWN.replace("door", "moved")


def test_what_is_refused_changes_no_password(under_test: UnderTest) -> None:
    done(send(under_test, "PUT", "/v1/sources/same", json={"url": ADDRESS}))
    refused = send(under_test, "PATCH", "/v1/sources/same", json={"url": ADDRESS.replace("hunter2", "x"), "kind": "file"})
    assert problem(refused)["field"] == "kind"
    assert secret(under_test, "same") == PASSWORD


def test_a_camera_may_be_named_and_a_name_that_is_not_found_now_is_the_decoders_to_tell(under_test: UnderTest) -> None:
    assert done(send(under_test, "PUT", "/v1/sources/named", json={"url": "rtsp://localhost/live#udp"}))["kind"] == "camera"
    assert send(under_test, "PUT", "/v1/sources/absent", json={"url": "rtsps://camera.invalid/live"}).status_code == 201


def test_a_file_that_becomes_a_camera_lives_anew(under_test: UnderTest) -> None:
    done(send(under_test, "PUT", "/v1/sources/turned", json={"url": "http://127.0.0.1/a.mp4"}))
    turned = done(send(under_test, "PATCH", "/v1/sources/turned", json={"url": "rtsp://127.0.0.1/live"}))
    assert (turned["kind"], turned["life"]) == ("camera", 2)


def test_an_address_outside_the_networks_is_told_with_what_is_allowed() -> None:
    allowed = Allowed(("rtsp",), (), parse_networks(["10.0.0.0/8"]))
    with pytest.raises(Problem, match=r"127.0.0.1: cameras may lie in 10.0.0.0/8 \(FRAMEBUS_SOURCE_NETWORKS\)"):
        asyncio.run(check_networks("rtsp://127.0.0.1/live", allowed))
    with pytest.raises(Problem, match=r"2130706433, which is 127\.0\.0\.1"):
        asyncio.run(check_networks("rtsp://2130706433/live", allowed))
    asyncio.run(check_networks("rtsp://10.1.2.3/live", allowed))


def test_without_networks_no_camera_is_taken_and_the_setting_is_named() -> None:
    with pytest.raises(Problem, match="set FRAMEBUS_SOURCE_NETWORKS"):
        resolve("rtsp://127.0.0.1/live", Allowed(("rtsp",), ()))


def test_a_secret_store_that_cannot_be_written_is_told_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "secrets").touch()
    passwords = Passwords(SecretStore(tmp_path / "secrets"))
    camera = Source(source_id="door", kind="camera", life=1, lives=(), url=SHOWN, sample_fps=1.0)
    with pytest.raises(Problem, match="FRAMEBUS_SECRETS") as refused:
        passwords.settle(None, camera, PASSWORD)
    assert (refused.value.status, PASSWORD in refused.value.detail) == (507, False)

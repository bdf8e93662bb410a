"""Settings, health and exit codes."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from streaming import main
from streaming.health import HealthServer
from streaming.metrics import METRICS, RECORDS, Metrics
from streaming.settings import SettingError, at_least, describe, one_of, read, setting


@dataclass(frozen=True)
class Example:
    lane: str = setting("FRAMEBUS_EXAMPLE_LANE", meaning="live or bulk", check=one_of("live", "bulk"))
    kafka: str = setting("FRAMEBUS_KAFKA", default="127.0.0.1:9092", meaning="Kafka bootstrap servers")
    port: int = setting("FRAMEBUS_EXAMPLE_PORT", default=8081, meaning="port", check=at_least(0))
    groups: tuple[str, ...] = setting("FRAMEBUS_EXAMPLE_GROUPS", default=(), meaning="groups to wait for")
    home: Path | None = setting("FRAMEBUS_EXAMPLE_HOME", default=None, meaning="folder")
    register: bool = setting("FRAMEBUS_AUTO_REGISTER", default=False, meaning="register unknown sources")
    key: str | None = setting("FRAMEBUS_EXAMPLE_KEY", default=None, meaning="key", secret=True)


def test_settings_are_read_with_their_types() -> None:
    environ = {
        "FRAMEBUS_EXAMPLE_LANE": "bulk",
        "FRAMEBUS_EXAMPLE_GROUPS": "a, b",
        "FRAMEBUS_EXAMPLE_HOME": "/srv",
        "FRAMEBUS_AUTO_REGISTER": "1",
    }
    settings = read(Example, environ)
    assert (settings.lane, settings.groups, settings.home, settings.register) == ("bulk", ("a", "b"), Path("/srv"), True)
    assert settings.port == 8081


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("FRAMEBUS_EXAMPLE_LANE", None, "FRAMEBUS_EXAMPLE_LANE must be set: live or bulk"),
        ("FRAMEBUS_EXAMPLE_LANE", "fast", "FRAMEBUS_EXAMPLE_LANE is 'fast': expected one of live, bulk"),
        ("FRAMEBUS_EXAMPLE_PORT", "http", "FRAMEBUS_EXAMPLE_PORT is 'http': expected a whole number"),
        ("FRAMEBUS_EXAMPLE_PORT", "-1", "expected a number of at least 0"),
        ("FRAMEBUS_AUTO_REGISTER", "yes", "expected 0 or 1"),
    ],
)
def test_a_wrong_setting_names_variable_value_and_rule(name: str, value: str | None, told: str) -> None:
    environ = {"FRAMEBUS_EXAMPLE_LANE": "live", name: value}
    with pytest.raises(SettingError, match=told):
        read(Example, {key: text for key, text in environ.items() if text is not None})


def test_every_setting_is_described_and_no_secret_is_shown() -> None:
    described = {d.variable: d for d in describe(Example, {"FRAMEBUS_EXAMPLE_KEY": "fb_x", "FRAMEBUS_KAFKA": "k:1"})}
    assert described["FRAMEBUS_EXAMPLE_KEY"].value == "(hidden)"
    assert (described["FRAMEBUS_KAFKA"].value, described["FRAMEBUS_KAFKA"].origin) == ("k:1", "environment")
    assert described["FRAMEBUS_EXAMPLE_LANE"].value == "(must be set)"


def test_health_says_which_part_is_not_ready() -> None:
    parts = {"kafka": True, "model": False}
    metrics = Metrics()
    metrics.of(RECORDS).labels("frames-live").inc(3)
    server = HealthServer(0, lambda: parts, metrics)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["parts"]) == (503, parts)
        parts["model"] = True
        assert client.get("/readyz").status_code == 200
        assert 'framebus_records_total{topic="frames-live"} 3.0' in client.get("/metrics").text
        assert client.get("/other").status_code == 404
    server.stop()


def test_every_metric_has_a_sentence_and_a_unit_in_its_name() -> None:
    for metric in METRICS:
        assert metric.sentence.endswith(".")
        assert metric.name.startswith("framebus_")
        assert metric.kind != "counter" or metric.name.endswith("_total")


BODY = """
import ctypes
import sys
import threading
from streaming import main
from streaming.settings import SettingError
def hang():
    lock = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(lock)
def body(stopping):
    print("up", flush=True)
    {act}
main.run_service("example", body, stop_seconds={stop_seconds})
"""


def body(act: str, stop_seconds: float = main.STOP_SECONDS) -> list[str]:
    return [sys.executable, "-c", BODY.format(act=act, stop_seconds=stop_seconds)]


@pytest.mark.parametrize(
    ("act", "code", "told"),
    [("raise SettingError('FRAMEBUS_X is wrong')", 2, "FRAMEBUS_X is wrong"), ("1 / 0", 1, "ZeroDivisionError")],
)
def test_a_failed_process_says_why_and_exits_non_zero(act: str, code: int, told: str) -> None:
    done = subprocess.run(body(act), capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, told in done.stderr) == (code, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_asked_to_stop_exits_zero(number: int) -> None:
    with subprocess.Popen(body("stopping.wait()"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, number)
        assert process.wait(30) == 0


@pytest.mark.parametrize("act", ["threading.Event().wait()", "hang()"])
def test_a_process_that_hangs_when_it_is_asked_to_stop_says_where_and_ends(act: str) -> None:
    """Python's own handlers of signals never run where the main thread hangs in a library."""
    with subprocess.Popen(body(act, 0.5), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(30) == 1
        said = process.stderr.read()
    assert "Timeout" in said
    assert "in body" in said

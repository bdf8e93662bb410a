"""The launcher as a process: what it prints, what it leaves in its home, how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from framebus.local.errors import StackError
from framebus.local.home import Home
from framebus.local.places import CHECKOUT, free_ports
from framebus.local.services import SERVICES, is_ready
from framebus.local.stack import Servers, page_environment, service_ports, shared_environment
from schemas.topics import TOPICS


def launcher(home: Path, encoder: str = "pico-1", **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.local.tiny_stack", str(home), encoder]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT, env={**os.environ, **environment}
    )


def lines_until(output: IO[str], last: str) -> list[str]:
    lines: list[str] = []
    for line in output:
        lines.append(line.strip())
        if line.startswith(last):
            return lines
    raise AssertionError(f"{last!r} was not printed: {lines}")


@contextmanager
def ready_stack(home: Path, kafka: str, milvus: str) -> Iterator[tuple[subprocess.Popen[str], IO[str], list[str]]]:
    """Run a stack on the shared servers; give its process, its output and the lines up to `ready`."""
    with launcher(home, FRAMEBUS_KAFKA=kafka, FRAMEBUS_MILVUS=milvus) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout, lines_until(process.stdout, "ready")
        finally:
            process.kill()


def test_page_and_key_come_first_and_ready_last(tmp_path: Path, kafka: str, milvus: str) -> None:
    with ready_stack(tmp_path, kafka, milvus) as (process, _, lines):
        assert lines[0].startswith("page: http://127.0.0.1:")
        assert lines[1].startswith("key: fb_")
        assert [line.split(":")[0] for line in lines[2:]] == ["programs", "Kafka and Milvus", "topics", "services", "ready"]
        stack = json.loads((tmp_path / "stack.json").read_text())
        assert f"page: {stack['url']}" == lines[0]
        assert f"key: {stack['key']}" == lines[1]
        assert (stack["pid"], stack["kafka"], stack["milvus"]) == (process.pid, kafka, milvus)
        assert is_ready(int(stack["url"].rsplit(":", 1)[1]))
        assert set(TOPICS) <= set(AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=5).topics)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_and_exits_zero(tmp_path: Path, kafka: str, milvus: str, stop: signal.Signals) -> None:
    with ready_stack(tmp_path, kafka, milvus) as (process, output, _):
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(stop)
        assert lines_until(output, "stopped")
        assert process.wait(20) == 0
        assert len(children) == 2
        assert not any(child.is_running() for child in children)
        assert not (tmp_path / "stack.json").exists()


def test_a_service_that_is_killed_is_told_and_comes_back(tmp_path: Path, kafka: str, milvus: str) -> None:
    with ready_stack(tmp_path, kafka, milvus) as (process, output, _):
        victim = psutil.Process(process.pid).children()[0]
        victim.kill()
        assert "decoder was killed" in lines_until(output, "restarted")[-1]


def test_a_second_stack_in_the_same_home_is_refused_in_one_line(tmp_path: Path, kafka: str, milvus: str) -> None:
    with ready_stack(tmp_path, kafka, milvus) as (process, _, _), launcher(tmp_path) as second:
        said, _ = second.communicate(timeout=20)
        assert second.returncode == 1
        assert said == f"a stack already runs in {tmp_path} (process {process.pid}): stop it, or choose another --home\n"


def test_an_unknown_encoder_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with launcher(tmp_path, "pico-0") as process:
        said, _ = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "encoder 'pico-0': neither a shipped model" in said.splitlines()[-1]


def test_services_are_told_of_servers_encoder_and_groups(tmp_path: Path) -> None:
    home = Home(tmp_path)
    servers = Servers("kafka:9092", "http://milvus:19530", None, None)
    environment = shared_environment(home, "pico-1", "pico-1@0123abcd", servers, {"FRAMEBUS_MEDIA": "/films"})
    assert environment["FRAMEBUS_KAFKA"] == "kafka:9092"
    assert environment["FRAMEBUS_MILVUS"] == "http://milvus:19530"
    assert environment["FRAMEBUS_MEDIA"] == "/films"
    assert environment["FRAMEBUS_DECODER_WAIT_FOR"] == "framebus-embedder-bulk-pico-1@0123abcd"
    assert environment["FRAMEBUS_SECRETS"] == str(tmp_path / "secrets")
    assert environment["FRAMEBUS_SOURCE_NETWORKS"] == "0.0.0.0/0,::/0"
    assert environment["FRAMEBUS_DECODER_FILE_ROOTS"] == page_environment(home, {})["FRAMEBUS_QUERY_FILE_ROOTS"] == "/"
    assert "FRAMEBUS_API_KEY" not in environment
    assert page_environment(home, {})["FRAMEBUS_API_KEY"] == home.key()


def test_folders_that_are_set_for_query_hold_for_the_decoder_too(tmp_path: Path) -> None:
    home, servers, chosen = Home(tmp_path), Servers("kafka:9092", "http://milvus:19530", None, None), "/films,/series"
    environ = {"FRAMEBUS_QUERY_FILE_ROOTS": chosen}
    assert shared_environment(home, "pico-1", "pico-1@0123abcd", servers, environ)["FRAMEBUS_DECODER_FILE_ROOTS"] == chosen
    assert page_environment(home, environ)["FRAMEBUS_QUERY_FILE_ROOTS"] == chosen


def test_the_port_of_the_page_can_be_chosen(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    assert service_ports(tmp_path / "ports.json", SERVICES, {"FRAMEBUS_QUERY_PORT": str(port)})["query"] == port


def test_a_port_in_use_is_refused(tmp_path: Path, kafka: str) -> None:
    port = kafka.rsplit(":", 1)[1]
    with pytest.raises(StackError, match=f"FRAMEBUS_QUERY_PORT is {port} and another program listens there"):
        service_ports(tmp_path / "ports.json", SERVICES, {"FRAMEBUS_QUERY_PORT": port})


@pytest.mark.parametrize("port", ["http", "0", "70000"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(StackError, match=f"FRAMEBUS_QUERY_PORT is '{port}': expected a port from 1 to 65535"):
        service_ports(tmp_path / "ports.json", SERVICES, {"FRAMEBUS_QUERY_PORT": port})

"""The password of a camera or a web server is in its secret and nowhere else: no log, topic, answer or file of the home."""

import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from framebus.cli import main
from framebus.client import find_stack
from framebus.local.places import free_ports
from schemas.topics import TOPICS
from tests.decoder.web_server import Web, served
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.videos import write_video

PASSWORD = "Rumpel-stilz-7"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    film = write_video(tmp_path / "film.mp4", [1]).read_bytes()
    login = "Basic " + b64encode(f"me:{PASSWORD}".encode()).decode()
    with served(Web({"/film.mp4": film}, login=login)) as web:
        yield web


def test_a_password_stays_in_its_secret(stack: LocalStack, web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"rtsp://me:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}/live"
    home = ["--home", str(stack.home)]
    assert main(["add", address, "--id", "vault", *home]) == 0
    assert main(["add", web.url("/film.mp4").replace("//", f"//me:{PASSWORD}@"), "--id", "film", *home]) == 0
    await_that(lambda: stack.client.source("vault").error is not None)
    await_that(lambda: stack.client.source("film").state == "indexed")
    assert main(["sources", *home]) == 0
    assert main(["sources", "--json", *home]) == 0
    headers = {"Authorization": f"Bearer {find_stack(stack.home).key}"}
    bad = address.replace("127.0.0.1", "127.0.0.1[")
    refused = httpx.put(f"{stack.client.url}/v1/sources/vault", json={"url": bad}, headers=headers, trust_env=False)
    assert refused.status_code == 422
    span = {"start_ms": 0, "end_ms": 1_000}
    clip = httpx.get(f"{stack.client.url}/v1/sources/film/clip", params=span, headers=headers, trust_env=False, timeout=20)
    assert clip.status_code == 200
    said = capsys.readouterr()
    assert "vault" in said.out
    assert PASSWORD not in said.out + said.err + refused.text
    kept = [stack.home / "secrets" / name for name in ("film", "vault")]
    assert {(path.read_text(), stat.S_IMODE(path.stat().st_mode)) for path in kept} == {(PASSWORD, 0o600)}
    assert sorted(files_with(PASSWORD.encode(), stack.home)) == kept
    assert topics_with(PASSWORD.encode(), stack.kafka) == []
    assert main(["remove", "vault", "film", *home]) == 0
    assert files_with(PASSWORD.encode(), stack.home) == []


def files_with(text: bytes, folder: Path) -> list[Path]:
    """Return the files that hold `text`: logs, Kafka's segments and all else but its indexes, which are sparse and large."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".index", ".timeindex"))
    return [path for path in files if text in path.read_bytes()]


def topics_with(text: bytes, kafka: str) -> list[str]:
    """Return the topics with a record that holds `text`; segments on disk may be compressed, records are not."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "t", "enable.partition.eof": True})
    ends = [TopicPartition(name, number, 0) for name, topic in TOPICS.items() for number in range(topic.partitions)]
    consumer.assign(ends)
    found: set[str] = set()
    read: set[tuple[str | None, int | None]] = set()  # a topic that is written to comes to its end again and again
    while len(read) < len(ends):
        for message in consumer.consume(500, 1.0):
            if message.error() is not None:
                read.add((message.topic(), message.partition()))
            elif text in b"".join(part for part in (message.key(), message.value()) if isinstance(part, bytes)):
                found.add(str(message.topic()))
    consumer.close()
    return sorted(found)

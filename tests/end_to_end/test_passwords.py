"""A camera's password is in its secret and nowhere else: no log, no topic, no answer, no file of the home."""

import stat
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from framebus.cli import main
from framebus.client import find_stack
from framebus.local.places import free_ports
from schemas.topics import TOPICS
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack

PASSWORD = "Rumpel-stilz-7"


def test_a_password_stays_in_its_secret(stack: LocalStack, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"rtsp://me:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}/live"
    home = ["--home", str(stack.home)]
    assert main(["add", address, "--id", "vault", *home]) == 0
    await_that(lambda: stack.client.source("vault").error is not None)
    assert main(["sources", *home]) == 0
    assert main(["sources", "--json", *home]) == 0
    headers = {"Authorization": f"Bearer {find_stack(stack.home).key}"}
    bad = address.replace("127.0.0.1", "127.0.0.1[")
    refused = httpx.put(f"{stack.client.url}/v1/sources/vault", json={"url": bad}, headers=headers, trust_env=False)
    assert refused.status_code == 422
    said = capsys.readouterr()
    assert "vault" in said.out
    assert PASSWORD not in said.out + said.err + refused.text
    kept = stack.home / "secrets" / "vault"
    assert (kept.read_text(), stat.S_IMODE(kept.stat().st_mode)) == (PASSWORD, 0o600)
    assert files_with(PASSWORD.encode(), stack.home) == [kept]
    assert topics_with(PASSWORD.encode(), stack.kafka) == []
    assert main(["remove", "vault", *home]) == 0
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

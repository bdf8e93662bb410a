"""Real servers for tests: one Kafka broker and one Milvus for the whole run, started when a test first asks.

Tests share them, so they use topics, groups and collections under fresh names.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from framebus.local.errors import StackError
from framebus.local.jars import ensure_jars
from framebus.local.kafka import GroupTimeouts, KafkaServer
from framebus.local.milvus import MilvusServer
from framebus.local.places import tools_folder

SHORT: GroupTimeouts = GroupTimeouts(session_seconds=6.0, heartbeat_seconds=1.0, shortest_session_seconds=1.0)


def absent(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, because something that it needs is not there."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Run a fresh broker; a killed consumer's partitions are free after 6 s, classic groups may ask for 1 s."""
    try:
        server = KafkaServer(tmp_path_factory.mktemp("kafka"), ensure_jars(tools_folder()), SHORT)
        server.start()
    except StackError as error:
        absent(str(error))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka(kafka_server: KafkaServer) -> str:
    """Give the bootstrap address of a real broker."""
    return kafka_server.address


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[KafkaServer]:
    """Run a broker for one test, which may kill it and start it again."""
    try:
        server = KafkaServer(tmp_path / "broker", ensure_jars(tools_folder()), SHORT)
        server.start()
    except StackError as error:
        absent(str(error))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """Run a fresh Milvus 2.3.5 inside its fence."""
    try:
        server = MilvusServer(tmp_path_factory.mktemp("milvus"), tools_folder())
        server.start()
    except StackError as error:
        absent(str(error))
    if server.warning():
        server.stop()
        absent(server.warning())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def milvus(milvus_server: MilvusServer) -> str:
    """Give the address of a real Milvus, as pymilvus takes it."""
    return milvus_server.address

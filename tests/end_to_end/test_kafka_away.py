"""Every service, as the local stack runs it, on a broker that is killed, comes back and stands still."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from framebus.local.children import Child
from framebus.local.kafka import KafkaServer
from framebus.local.places import free_ports, python_environment
from framebus.local.services import SERVICES
from streaming.admin import create_topics
from tests.end_to_end.conftest import await_that

SECONDS = 60.0
GRACE_SECONDS = 30.0  # of a pod


@dataclass
class Running:
    """A service, and the port that it tells its health on."""

    child: Child
    port: int

    def reaches_kafka(self) -> bool:
        answer = self._get("/readyz")
        parts = answer.json()["parts"]
        assert (answer.status_code == 200) == all(parts.values())
        return bool(parts["kafka"])

    def has_joined(self) -> bool:
        """Whether it was given partitions."""
        try:
            return 'framebus_rebalances_total{change="given"}' in self._get("/metrics").text
        except httpx.TransportError:  # it is still starting
            return False

    def _get(self, path: str) -> httpx.Response:
        assert self.child.is_running(), self.child.complaint("has ended")
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)


@pytest.fixture
def services(broker: KafkaServer, milvus: str, tiny: Path, tmp_path: Path) -> Iterator[list[Running]]:
    create_topics(broker.address)
    environment = {
        **python_environment(),
        "FRAMEBUS_KAFKA": broker.address,
        "FRAMEBUS_MILVUS": milvus,
        "FRAMEBUS_ENCODER": str(tiny),
        "FRAMEBUS_MEDIA": str(tmp_path / "media"),
    }
    with ExitStack() as running:
        services = []
        for service, port in zip(SERVICES, free_ports(len(SERVICES)), strict=True):
            child = Child(service.program(port, environment, tmp_path))
            running.callback(child.stop)
            child.spawn()
            services.append(Running(child, port))
        yield services


def test_every_service_says_that_kafka_has_gone_and_is_back_and_ends_in_order_while_it_stands_still(
    broker: KafkaServer, services: list[Running]
) -> None:
    await_that(lambda: all(service.has_joined() for service in services), SECONDS)
    await_that(lambda: all(service.reaches_kafka() for service in services), SECONDS)
    broker.child.kill()
    await_that(lambda: not any(service.reaches_kafka() for service in services), SECONDS)
    broker.start()
    await_that(lambda: all(service.reaches_kafka() for service in services), SECONDS)
    os.kill(broker.child.pid, signal.SIGSTOP)
    try:
        for service in services:
            os.kill(service.child.pid, signal.SIGTERM)
        await_that(lambda: not any(service.child.is_running() for service in services), GRACE_SECONDS)
    finally:
        os.kill(broker.child.pid, signal.SIGCONT)
    assert [service.child.ended(status) for service in services if (status := service.child.exit_status())] == []

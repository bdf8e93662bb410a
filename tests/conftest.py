"""Fixtures that all tests share, their order, and how two workers part them."""

import os
from typing import Final

import pytest

from tests.servers import broker, kafka, kafka_server, milvus, milvus_server

__all__ = ["broker", "kafka", "kafka_server", "milvus", "milvus_server"]

SERVERS: Final = {"broker", "chaos_ground", "kafka", "kafka_server", "milvus", "milvus_server"}
ONE_WORKER: Final = pytest.mark.xdist_group("servers")
"""What has servers stays with one worker, which shares one of each; some of it measures time. The other takes the rest."""
NICENESS: Final = 10


def pytest_configure(config: pytest.Config) -> None:
    """Let the other worker give way: the largest group, that with servers, goes to the first one."""
    if getattr(config, "workerinput", {}).get("workerid", "gw0") != "gw0":
        os.nice(NICENESS)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run pure tests first, then those with a server, then the whole stack: what breaks quickly is told quickly."""
    items.sort(key=_cost)
    for item in items:
        if _cost(item):
            item.add_marker(ONE_WORKER)


def _cost(item: pytest.Item) -> int:
    if "end_to_end" in item.path.parts:
        return 2
    return 1 if SERVERS & _fixtures(item) or item.get_closest_marker("brings_servers") else 0


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))

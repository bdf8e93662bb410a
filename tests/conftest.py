"""Fixtures that all tests share, their order, and how two workers part them."""

import os
from typing import Final

import pytest

from tests.servers import broker, kafka, kafka_server, milvus, milvus_server

__all__ = ["broker", "kafka", "kafka_server", "milvus", "milvus_server"]

SHARED: Final = {"kafka", "kafka_server", "milvus", "milvus_server"}
OWN: Final = {"broker", "chaos_ground"}
ONE_WORKER: Final = pytest.mark.xdist_group("servers")
"""What shares servers stays with one worker, as does the whole stack, which measures time. The other takes the rest, that which
brings servers of its own last."""
APART: Final = "streaming"
"""Tests that need Kafka alone and time nothing closely: the other worker takes them too, with a broker of its own."""
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
        if _is_of_stack(item) or (SHARED & _fixtures(item) and APART not in item.path.parts):
            item.add_marker(ONE_WORKER)


def _cost(item: pytest.Item) -> int:
    if _is_of_stack(item):
        return 2
    return 1 if (SHARED | OWN) & _fixtures(item) or item.get_closest_marker("brings_servers") else 0


def _is_of_stack(item: pytest.Item) -> bool:
    return "end_to_end" in item.path.parts


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))

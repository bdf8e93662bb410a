"""Fixtures that all tests share, their order, and how two workers part them."""

from typing import Final

import pytest

from tests.servers import broker, kafka, kafka_server, milvus, milvus_server

__all__ = ["broker", "kafka", "kafka_server", "milvus", "milvus_server"]

SHARED_SERVERS: Final = {"kafka", "kafka_server", "milvus", "milvus_server"}
ONE_WORKER: Final = pytest.mark.xdist_group("servers")
"""What shares the servers of a run stays with one worker, and so do whole stacks; the other takes the rest."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run pure tests first, then those with a server, then the whole stack: what breaks quickly is told quickly."""
    items.sort(key=_cost)
    for item in items:
        if _whole_stack(item) or SHARED_SERVERS & _fixtures(item):
            item.add_marker(ONE_WORKER)


def _cost(item: pytest.Item) -> int:
    if _whole_stack(item):
        return 2
    return 1 if (SHARED_SERVERS | {"broker", "chaos_ground"}) & _fixtures(item) else 0


def _whole_stack(item: pytest.Item) -> bool:
    return "end_to_end" in item.path.parts


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))

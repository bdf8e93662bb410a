"""Fixtures that all tests share, and their order: fast ones first."""

import pytest

from tests.servers import broker, kafka, kafka_server, milvus, milvus_server

__all__ = ["broker", "kafka", "kafka_server", "milvus", "milvus_server"]

SERVERS = {"broker", "chaos_ground", "kafka", "kafka_server", "milvus", "milvus_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run pure tests first, then those with a server, then the whole stack: what breaks quickly is told quickly."""
    items.sort(key=_cost)


def _cost(item: pytest.Item) -> int:
    if "end_to_end" in item.path.parts:
        return 2
    return 1 if SERVERS & set(getattr(item, "fixturenames", ())) else 0

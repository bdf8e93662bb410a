"""Fixtures that all tests share."""

from tests.servers import kafka, kafka_server, milvus, milvus_server

__all__ = ["kafka", "kafka_server", "milvus", "milvus_server"]

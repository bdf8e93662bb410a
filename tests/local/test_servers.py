"""The shared servers answer their real clients."""

from confluent_kafka.admin import AdminClient
from pymilvus import MilvusClient


def test_a_real_broker_answers(kafka: str) -> None:
    assert AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=5).brokers


def test_a_real_milvus_answers_through_its_socket(milvus: str) -> None:
    assert MilvusClient(uri=milvus, timeout=5).get_server_version().startswith("v2.3.5")

"""The broker is real, private, and keeps what it acknowledged."""

from pathlib import Path
from uuid import UUID

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from framebus.local.children import Child
from framebus.local.errors import StackError
from framebus.local.jars import ensure_jars
from framebus.local.kafka import GroupTimeouts, KafkaServer, server_properties
from framebus.local.places import tools_folder
from tests.servers import absent

pytestmark = pytest.mark.brings_servers


def make_topic(address: str, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
        future.result(10)


def first_value(address: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "nobody", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(15)
    consumer.close()
    return message.value() if message else None


def test_a_killed_broker_keeps_acknowledged_records_and_its_address(tmp_path: Path) -> None:
    try:
        jars = ensure_jars(tools_folder())
    except StackError as error:
        absent(str(error))
    server = KafkaServer(tmp_path, jars)
    try:
        server.start()
        make_topic(server.address, "kept")
        producer = Producer({"bootstrap.servers": server.address, "acks": "all"})
        producer.produce("kept", b"a frame")
        assert producer.flush(10) == 0
        server.child.kill()
        again = KafkaServer(tmp_path, jars)
        assert again.address == server.address
        server = again
        server.start()
        assert first_value(server.address, "kept") == b"a frame"
    finally:
        server.stop()


def test_a_cluster_id_that_begins_with_a_dash_is_no_option(
    kafka_server: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uuid.uuid4", lambda: UUID(bytes=bytes([0b11111000] * 16)))
    (tmp_path / "logs").mkdir()
    KafkaServer(tmp_path, ensure_jars(tools_folder())).child.program.prepare()
    assert "cluster.id=-" in (tmp_path / "data" / "meta.properties").read_text()


def test_the_broker_listens_on_loopback_alone(kafka_server: KafkaServer) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(kafka_server.child.pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"] * 2


def test_a_broker_that_dies_at_its_start_is_told_with_the_end_of_its_log(tmp_path: Path, kafka_server: KafkaServer) -> None:
    program = kafka_server.child.program
    broken = Child(
        type(program)(program.name, ("java", "kafka.Kafkaesque"), program.environment, tmp_path / "log", lambda: False)
    )
    with pytest.raises(StackError, match=r"kafka ended with status 1: .*Kafkaesque .*log: .*/log\)"):
        broken.start()


def test_group_timeouts_are_written_in_milliseconds(tmp_path: Path) -> None:
    text = server_properties(1, 2, tmp_path, GroupTimeouts(session_seconds=6, heartbeat_seconds=1, shortest_session_seconds=0.5))
    assert "group.consumer.session.timeout.ms=6000\n" in text
    assert "group.min.session.timeout.ms=500\n" in text

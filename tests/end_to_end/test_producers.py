"""Other people's Kafka producers: JPEGs and vectors with three headers, and what a wrong record is told."""

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from encoders.address import load
from schemas.vectors import encode_vector
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.videos import as_jpeg, scene


@pytest.fixture
def producer(stack: LocalStack) -> Producer:
    return Producer({"bootstrap.servers": stack.kafka})


def found(stack: LocalStack, source_id: str, seed: int) -> int | None:
    """Return where a picture is found in a source, None while it is not."""
    hits = [hit for hit in stack.client.search(image=as_jpeg(scene(seed))).hits if hit.source_id == source_id]
    return hits[0].peak_ms if hits else None


def test_a_jpeg_from_any_producer_registers_its_source_and_is_found(stack: LocalStack, producer: Producer) -> None:
    source_id = f"door-{uuid.uuid4().hex[:8]}"
    for number, seed in enumerate((61, 62, 63)):
        headers = {"schema": "frame/1", "source_id": source_id, "t_ms": str(1000 * number)}
        producer.produce("frames-live", as_jpeg(scene(seed)), source_id, headers=dict(headers))
    assert producer.flush(10) == 0
    await_that(lambda: found(stack, source_id, 62) == 1000)
    assert {hit.clip_url for hit in stack.client.search(image=as_jpeg(scene(62)), sources=[source_id]).hits} == {None}
    listed = stack.client.source(source_id)
    assert (listed.kind, listed.error) == ("push", None)


def test_a_vector_from_any_producer_is_found(stack: LocalStack, producer: Producer, tiny: Path) -> None:
    source_id = f"own-{uuid.uuid4().hex[:8]}"
    encoder = load(str(tiny), threads=1)
    vector = encoder.embed_images(encoder.prepare(as_jpeg(scene(71)))[np.newaxis])[0]
    headers = {"schema": "embedding/1", "source_id": source_id, "t_ms": "5000", "space": encoder.space}
    producer.produce("embeddings-bulk", encode_vector(vector), source_id, headers=dict(headers))
    assert producer.flush(10) == 0
    await_that(lambda: found(stack, source_id, 71) == 5000)


@pytest.mark.parametrize(
    ("topic", "value", "changes", "told"),
    [
        ("frames-live", b"no jpeg", {}, "JPEG"),
        ("frames-bulk", b"\xff\xd8\xff", {}, "ends inside its header"),
        ("frames-live", b"x", {"t_ms": None}, "t_ms is missing"),
        ("frames-live", b"x", {"schema": None}, "schema is missing"),
        ("embeddings-bulk", b"\x00\x3c", {"schema": "embedding/1"}, "bytes"),
        ("embeddings-live", b"\x00\x3c" * 32, {"schema": "embedding/1", "space": "other@12345678"}, "other@12345678"),
    ],
)
def test_a_wrong_record_becomes_a_dead_letter_with_its_reason(
    stack: LocalStack, producer: Producer, tiny: Path, topic: str, value: bytes, changes: dict[str, str | None], told: str
) -> None:
    source_id = f"bad-{uuid.uuid4().hex[:8]}"
    wanted = {"schema": "frame/1", "source_id": source_id, "t_ms": "0", **changes}
    if wanted["schema"] == "embedding/1" and "space" not in changes:
        wanted["space"] = load(str(tiny), threads=1).space
    headers = {name: text for name, text in wanted.items() if text is not None}
    producer.produce(topic, value, source_id, headers=dict(headers))
    assert producer.flush(10) == 0
    reasons: list[str] = []
    consumer = Consumer({"bootstrap.servers": stack.kafka, "group.id": "t", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(f"{topic}.dlq", 0, 0)])

    def told_so() -> bool:
        for message in consumer.consume(100, 0.2):
            letter: dict[str, Any] = dict(message.headers() or [])
            if letter.get("source_id") == source_id.encode():
                assert message.value() == value
                reasons.append(letter["dlq_reason"].decode())
        return bool(reasons)

    await_that(told_so)
    consumer.close()
    assert told in reasons[0]

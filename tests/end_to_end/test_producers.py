"""Other people's producers: JPEGs and vectors with three headers, JPEGs over HTTP, and what a wrong record is told."""

import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from encoders.address import load
from encoders.picture_size import read_size
from framebus.client import DeadLetter
from framebus.local.places import CHECKOUT
from schemas.producer_clock import FUTURE_LIMIT_MS
from schemas.vectors import encode_vector
from tests.end_to_end.conftest import await_that
from tests.end_to_end.stack import LocalStack
from tests.end_to_end.videos import as_jpeg, scene
from tests.servers import absent

AHEAD_MS = int(time.time() * 1000) + 86_400_000


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


def test_the_line_of_the_readme_makes_a_picture_found(stack: LocalStack, tmp_path: Path) -> None:
    if shutil.which("kcat") is None:
        absent("kcat is missing: apt-get install kcat")
    source_id = f"door-{uuid.uuid4().hex[:8]}"
    (tmp_path / "picture.jpg").write_bytes(as_jpeg(scene(64)))
    subprocess.run(readme_words("kcat", {"BROKER": stack.kafka, "door": source_id}), cwd=tmp_path, check=True, timeout=30)
    await_that(lambda: found(stack, source_id, 64) == 1_763_625_600_000)
    (hit,) = stack.client.search(image=as_jpeg(scene(64)), sources=[source_id]).hits
    assert (hit.clip_url, hit.thumbnail_url is not None) == (None, True)
    assert read_size(stack.client.thumbnail(source_id, hit.peak_ms)).format == "JPEG"


def readme_words(program: str, changes: dict[str, str]) -> list[str]:
    """Return the one line of the README that runs `program`, as words, with its examples replaced by what is here."""
    (line,) = [line for line in (CHECKOUT / "README.md").read_text().splitlines() if line.startswith(f"{program} ")]
    for example, here in changes.items():
        line = line.replace(example, here)
    return line.split()


def test_a_jpeg_over_http_is_found_and_its_source_says_how_fresh_it_is(stack: LocalStack) -> None:
    source_id = f"bell-{uuid.uuid4().hex[:8]}"
    sent = [stack.client.send_frame(source_id, as_jpeg(scene(seed))) for seed in (65, 66)]
    await_that(lambda: found(stack, source_id, 66) == sent[1].t_ms)
    await_that(lambda: stack.client.source(source_id).last_t_ms == sent[1].t_ms)
    listed = stack.client.source(source_id)
    assert (listed.kind, listed.state) == ("push", "running")
    assert listed.searchable_seconds is not None
    assert 0 < listed.searchable_seconds < 60
    (hit,) = stack.client.search(image=as_jpeg(scene(66)), sources=[source_id], limit=1).hits
    assert hit.captured_at is not None
    assert hit.clip_url is None


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
        ("frames-live", b"x", {"captured_ms": str(AHEAD_MS)}, "in the future"),
        ("frames-live", b"x", {"t_ms": str(AHEAD_MS)}, "in the future"),
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


def test_a_dead_letter_is_sent_again_and_found_once_its_cause_is_gone(stack: LocalStack, producer: Producer) -> None:
    source_id = f"fast-{uuid.uuid4().hex[:8]}"
    captured_ms = int(time.time() * 1000) + FUTURE_LIMIT_MS + 4_000  # refused now, right in four seconds
    for seed, value, ms in ((72, as_jpeg(scene(72)), captured_ms), (73, b"no jpeg", 0)):
        headers = {"schema": "frame/1", "source_id": source_id, "t_ms": str(seed), "run": "1", "seq": "7", "captured_ms": str(ms)}
        producer.produce("frames-live", value, source_id, headers=dict(headers))
    assert producer.flush(10) == 0

    def letters() -> list[DeadLetter]:
        return list(stack.client.dead_letters(topic="frames-live", source=source_id).dead_letters)

    await_that(lambda: len(letters()) == 2)
    firsts = {one.id: one for one in letters()}
    await_that(lambda: time.time() * 1000 > captured_ms - FUTURE_LIMIT_MS)
    assert {one.id for one in stack.client.replay(list(firsts)).replayed} == set(firsts)
    await_that(lambda: found(stack, source_id, 72) == 72)
    await_that(lambda: len(letters()) == 3)
    again = letters()[0]
    assert again.replay_of is not None
    assert (again.replays, again.reason) == (1, firsts[again.replay_of].reason)
    assert "JPEG" in again.reason

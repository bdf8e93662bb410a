"""`/v1/admin/deadletters` on a real broker. Others write dead letters too: every test looks for its own source."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from encoders.pictures import encode_jpeg
from streaming.admin import create_topics
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.records import Partition, Record, record_of
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.corpus import file_source
from tests.query.test_requests import NO_SERVER, problem, send
from tests.tiny_model import make_tiny_model

JPEG = encode_jpeg(np.full((48, 64, 3), 127, np.uint8))
PATH = "/v1/admin/deadletters"


@pytest.fixture(scope="module")
def under_test(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[UnderTest]:
    folder = tmp_path_factory.mktemp("dead-letters")
    create_topics(kafka)
    app = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER, kafka=kafka)
    yield app
    close(app)


@pytest.fixture
def name() -> str:
    return f"dead-{uuid.uuid4().hex[:8]}"


def refuse(kafka: str, source_id: str, *reasons: str, topic: str = "frames-bulk", value: bytes = JPEG, **headers: str) -> None:
    """Write dead letters, one a reason, as a service does."""
    outbox = Outbox(kafka, "embedder", Metrics())
    said = {"schema": "frame/1", "source_id": source_id, "t_ms": "0", **headers}
    raw = [(name, text.encode()) for name, text in said.items()]
    for number, reason in enumerate(reasons):
        outbox.reject(Record(Partition(topic, 5), number, source_id.encode(), value, raw, 1_000), reason)
    outbox.flush(20)


def listed(under_test: UnderTest, key: str | None = None, **params: Any) -> list[dict[str, Any]]:
    answer = send(under_test, "GET", PATH, key, params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["dead_letters"]
    return found


def test_letters_are_listed_newest_first_with_reason_and_place(under_test: UnderTest, kafka: str, name: str) -> None:
    refuse(kafka, name, "no JPEG", "no JPEG either")
    refuse(kafka, name, "not registered", topic="embeddings-live")
    found = listed(under_test, source=name)
    assert [one["reason"] for one in found] == ["not registered", "no JPEG either", "no JPEG"]
    assert found[1] | {"id": "", "at_ms": 0} == {
        "id": "", "topic": "frames-bulk", "at_ms": 0, "source_id": name, "service": "embedder", "reason": "no JPEG either",
        "partition": 5, "offset": 1, "written_ms": 1_000, "value_bytes": len(JPEG), "replay_of": None, "replays": 0,
    }  # fmt: skip
    assert [one["reason"] for one in listed(under_test, source=name, reason="NO jpeg")] == ["no JPEG either", "no JPEG"]
    assert len(listed(under_test, source=name, topic="embeddings-live", service="embedder", since="2020-01-01T00:00:00Z")) == 1
    assert listed(under_test, source=name, service="indexer") == []
    assert listed(under_test, source=name, since="2999-01-01T00:00:00Z") == []


def test_pages_go_on_where_the_last_one_stopped(under_test: UnderTest, kafka: str, name: str) -> None:
    for topic in ("frames-bulk", "embeddings-bulk", "frames-bulk"):
        refuse(kafka, name, "1", "2", topic=topic)
    found, cursor = [], None
    while True:
        params = {"source": name, "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = send(under_test, "GET", PATH, params=params).json()
        found += page["dead_letters"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        refuse(kafka, name, "while the pages are read")
    assert len({one["id"] for one in found}) == len(found) == 6


def test_one_letter_shows_its_headers_its_picture_and_its_bytes(under_test: UnderTest, kafka: str, name: str) -> None:
    refuse(kafka, name, "no life", note="\x1b[31m", run="3", seq="4")
    [one] = listed(under_test, source=name)
    shown = send(under_test, "GET", f"{PATH}/{one['id']}").json()
    assert shown["value"] == {"kind": "picture", "format": "JPEG", "width": 64, "height": 48}
    assert {"name": "note", "value": "\x1b[31m"} in shown["headers"]
    assert (shown["key"], shown["obstacle"]) == (name, None)
    value = send(under_test, "GET", f"{PATH}/{one['id']}/value")
    assert (value.content, value.headers["content-type"]) == (JPEG, "application/octet-stream")


def test_a_replayed_record_is_the_original_again_and_its_next_letter_says_so(
    under_test: UnderTest, kafka: str, name: str
) -> None:
    refuse(kafka, name, "the model was away", run="3", seq="4", width="64")
    [one] = listed(under_test, source=name)
    dry = send(under_test, "POST", f"{PATH}/replay", json={"ids": [one["id"]], "dry_run": True}).json()
    assert dry["replayed"] == [{"id": one["id"], "topic": "frames-bulk", "partition": 5, "offset": None}]
    [sent] = send(under_test, "POST", f"{PATH}/replay", json={"ids": [one["id"], one["id"]]}).json()["replayed"]
    record = record_at(kafka, "frames-bulk", sent["partition"], sent["offset"])
    assert (record.partition.number, record.key, record.value) == (5, name.encode(), JPEG)
    assert dict(record.headers) == {
        "schema": b"frame/1", "source_id": name.encode(), "t_ms": b"0", "width": b"64",
        "replayed": b"1", "dlq_replay_of": one["id"].encode(), "dlq_replays": b"1",
    }  # fmt: skip
    outbox = Outbox(kafka, "embedder", Metrics())
    outbox.reject(record, "still away")
    outbox.flush(20)
    again, first = listed(under_test, source=name)
    assert (again["replay_of"], again["replays"], again["reason"]) == (one["id"], 1, "still away")
    assert first == one


def test_what_is_over_is_not_sent_again(under_test: UnderTest, kafka: str, name: str) -> None:
    under_test.know([file_source(name, kind="push", url=None, wanted="removed")])
    refuse(kafka, name, "late")
    [one] = listed(under_test, source=name)
    ids = [one["id"], "frames-bulk/999999999"]
    done = send(under_test, "POST", f"{PATH}/replay", json={"ids": ids}).json()
    assert (done["replayed"], [refused["id"] for refused in done["refused"]]) == ([], ids)
    assert "is over" in done["refused"][0]["reason"]
    assert "no such dead letter" in done["refused"][1]["reason"]


def test_a_key_sees_and_replays_the_letters_of_its_sources_alone(under_test: UnderTest, kafka: str, name: str) -> None:
    refuse(kafka, name, "mine")
    refuse(kafka, f"{name}-other", "not mine")
    refuse(kafka, name, "whose is it", topic="chunks", value=b"{")
    key = under_test.ring.add(["manage"], [name])
    assert {one["reason"] for one in listed(under_test, key)} == {"mine"}
    [other] = listed(under_test, source=f"{name}-other")
    for path in (f"{PATH}/{other['id']}", f"{PATH}/{other['id']}/value"):
        assert problem(send(under_test, "GET", path, key))["status"] == 404
    done = send(under_test, "POST", f"{PATH}/replay", key, json={"ids": [other["id"]]}).json()
    assert "no such dead letter" in done["refused"][0]["reason"]
    searcher = under_test.ring.add(["search"])
    assert send(under_test, "GET", PATH, searcher).status_code == 403
    assert send(under_test, "POST", f"{PATH}/replay", searcher, json={"ids": [other["id"]]}).status_code == 403


def test_bytes_of_json_are_shown_and_not_given_out(under_test: UnderTest, kafka: str) -> None:
    refuse(kafka, "x", "no chunk", topic="chunks", value=b'{"url": "rtsp://me:hunter2@10.0.0.7/a"}')
    [newest] = listed(under_test, topic="chunks", limit=1)
    assert "hunter2" not in send(under_test, "GET", f"{PATH}/{newest['id']}").text
    assert problem(send(under_test, "GET", f"{PATH}/{newest['id']}/value"))["status"] == 409


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "field"),
    [
        ("GET", "?topic=sources", {}, 422, "topic"),
        ("GET", "?cursor=sources:1", {}, 422, "cursor"),
        ("GET", "?cursor=chunks:", {}, 422, "cursor"),
        ("GET", "?limit=501", {}, 422, "limit"),
        ("GET", "?since=yesterday", {}, 422, "since"),
        ("GET", "?reasons=x", {}, 422, "reasons"),
        ("GET", "/chunks/999999999", {}, 404, None),
        ("GET", "/sources/0", {}, 404, None),
        ("GET", "/chunks/-1", {}, 422, "number"),
        ("POST", "/replay", {"json": {"ids": []}}, 422, "ids"),
        ("POST", "/replay", {"json": {"ids": ["chunks"]}}, 422, "ids"),
        ("POST", "/replay", {"json": {"ids": ["sources/0"]}}, 422, "ids"),
        ("POST", "/replay", {"json": {"ids": ["chunks/0"], "dry": True}}, 422, "dry"),
    ],
)
def test_a_wrong_request_names_its_field(
    under_test: UnderTest, method: str, path: str, request_: dict[str, Any], status: int, field: str | None
) -> None:
    refused = problem(send(under_test, method, PATH + path, **request_))
    assert (refused["status"], refused.get("field")) == (status, field)


def test_without_kafka_the_answer_says_so(under_test: UnderTest, tmp_path: Path) -> None:
    alone = make_app(under_test.services.encoder, tmp_path, NO_SERVER, kafka="127.0.0.1:1")
    assert problem(send(alone, "GET", f"{PATH}?topic=chunks"))["status"] == 503
    close(alone)


def record_at(kafka: str, topic: str, partition: int, offset: int) -> Record:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test"})
    try:
        consumer.assign([TopicPartition(topic, partition, offset)])
        return record_of(consumer.consume(1, 20)[0])
    finally:
        consumer.close()

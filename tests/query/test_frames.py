"""Pictures over HTTP: into Kafka with the headers of any producer, or refused with what is wrong."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from encoders.pictures import encode_jpeg
from schemas.headers import decode_frame_headers, encode_frame_headers
from schemas.limits import PAYLOAD_LIMIT_BYTES
from schemas.lives import life_at
from schemas.messages import Life
from services.query.frames import FrameIntake, headers_of, times_of
from services.query.problems import Problem
from services.query.readiness import Readiness
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from streaming.admin import create_topics
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.query.app_under_test import UnderTest, close, make_app
from tests.query.corpus import file_source
from tests.query.test_requests import NO_SERVER, problem, send
from tests.tiny_model import make_tiny_model

JPEG = encode_jpeg(np.full((48, 64, 3), 127, np.uint8))
TYPE = {"Content-Type": "image/jpeg"}
NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def under_test(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[UnderTest]:
    """Compose the application on a real broker; unknown senders register themselves."""
    folder = tmp_path_factory.mktemp("frames")
    create_topics(kafka)
    app = make_app(make_tiny_model(folder / "model"), folder, NO_SERVER, kafka=kafka)
    app.know([file_source("film"), file_source("gone", kind="push", url=None, wanted="removed")])
    yield app
    close(app)


def post(under_test: UnderTest, source_id: str, jpeg: bytes = JPEG, key: str | None = None, **params: int) -> Any:
    """Send a picture."""
    return send(under_test, "POST", f"/v1/sources/{source_id}/frames", key, content=jpeg, headers=TYPE, params=params)


def record_at(kafka: str, partition: int, offset: int) -> Any:
    """Return one record of frames-live."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "test"})
    try:
        consumer.assign([TopicPartition("frames-live", partition, offset)])
        return consumer.consume(1, 20)[0]
    finally:
        consumer.close()


def test_a_picture_is_in_kafka_when_202_is_answered_and_its_sender_is_registered(under_test: UnderTest, kafka: str) -> None:
    source_id = f"door-{uuid.uuid4().hex[:8]}"
    answer = post(under_test, source_id)
    assert answer.status_code == 202, answer.text
    place = answer.json()
    assert abs(place["t_ms"] - time.time() * 1000) < 60_000
    record = record_at(kafka, place["partition"], place["offset"])
    headers = decode_frame_headers(record.headers())
    assert (record.value(), record.key()) == (JPEG, source_id.encode())
    assert (headers.source_id, headers.t_ms, headers.captured_ms) == (source_id, place["t_ms"], place["captured_ms"])
    assert (headers.life, headers.run, headers.seq) == (1, None, None)
    shown = send(under_test, "GET", f"/v1/sources/{source_id}").json()
    assert (shown["kind"], shown["state"]) == ("push", "running")


def test_a_picture_says_the_life_that_was_looked_up_whatever_the_clocks_say() -> None:
    """Query's clock was a day ahead when life 2 began: by Kafka's time of the picture it would be of life 1, which is over."""
    ahead = (Life(life=1, began_ms=0), Life(life=2, began_ms=NOW_MS + 86_400_000))
    source = file_source("door", kind="push", url=None, life=2, lives=ahead)
    assert life_at(source, NOW_MS) == 1
    sent = decode_frame_headers(encode_frame_headers(headers_of(source, times_of(5, None, NOW_MS))))
    assert (sent.source_id, sent.stream, sent.life, sent.t_ms, sent.captured_ms) == ("door", "door", 2, 5, NOW_MS)


def test_a_picture_of_a_source_that_lives_anew_is_of_the_new_life(under_test: UnderTest, kafka: str) -> None:
    source_id = f"door-{uuid.uuid4().hex[:8]}"
    assert post(under_test, source_id).status_code == 202
    assert send(under_test, "DELETE", f"/v1/sources/{source_id}").is_success
    assert problem(post(under_test, source_id))["status"] == 404
    assert send(under_test, "PUT", f"/v1/sources/{source_id}", json={"kind": "push"}).is_success
    place = post(under_test, source_id).json()
    assert decode_frame_headers(record_at(kafka, place["partition"], place["offset"]).headers()).life == 2


def test_a_time_that_is_given_is_taken(under_test: UnderTest) -> None:
    source_id = f"door-{uuid.uuid4().hex[:8]}"
    assert post(under_test, source_id, t_ms=5_000).json()["t_ms"] == 5_000
    both = post(under_test, source_id, t_ms=6_000, captured_ms=1_700_000_000_000).json()
    assert (both["t_ms"], both["captured_ms"]) == (6_000, 1_700_000_000_000)


@pytest.mark.parametrize(
    ("t_ms", "captured_ms", "expected"),
    [
        (None, None, (NOW_MS, NOW_MS)),
        (5, None, (5, NOW_MS)),
        (NOW_MS - 9, None, (NOW_MS - 9, NOW_MS - 9)),
        (None, NOW_MS - 9, (NOW_MS - 9, NOW_MS - 9)),
        (5, NOW_MS - 9, (5, NOW_MS - 9)),
    ],
)
def test_what_is_not_said_of_the_time_is_now(t_ms: int | None, captured_ms: int | None, expected: tuple[int, int]) -> None:
    times = times_of(t_ms, captured_ms, NOW_MS)
    assert (times.t_ms, times.captured_ms) == expected


@pytest.mark.parametrize(
    ("t_ms", "captured_ms", "field"),
    [(NOW_MS + 61_000, None, "captured_ms"), (5, NOW_MS + 61_000, "captured_ms"), (NOW_MS + 61_000, NOW_MS, "t_ms")],
)
def test_a_picture_from_the_future_is_refused(t_ms: int, captured_ms: int | None, field: str) -> None:
    with pytest.raises(Problem, match="61 s in the future") as refused:
        times_of(t_ms, captured_ms, NOW_MS)
    assert refused.value.field == field


def bomb() -> bytes:
    """Return a small JPEG whose header says 60,000 x 60,000."""
    start = JPEG.index(b"\xff\xc0")
    return JPEG[: start + 5] + b"\xea\x60\xea\x60" + JPEG[start + 9 :]


@pytest.mark.parametrize(
    ("jpeg", "status", "told"),
    [
        (b"", 422, "body is no picture"),
        (b"no jpeg", 422, "body is no picture"),
        (JPEG[: len(JPEG) // 2], 422, "body is no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 60, 422, "body is no picture"),
        (bomb(), 422, "60000 x 60000 pixels"),
        (b"x" * (PAYLOAD_LIMIT_BYTES + 1), 413, "at most 900000 bytes"),
    ],
    ids=["empty", "text", "half", "png", "bomb", "large"],
)
def test_what_is_no_picture_for_us_is_told(under_test: UnderTest, jpeg: bytes, status: int, told: str) -> None:
    document = problem(post(under_test, "bad-1", jpeg))
    assert (document["status"], document["field"]) == (status, "body")
    assert told in document["detail"]
    assert send(under_test, "GET", "/v1/sources/bad-1").status_code == 404


def test_a_source_that_takes_no_pictures_says_so(under_test: UnderTest) -> None:
    assert (problem(post(under_test, "film"))["status"], "a file" in problem(post(under_test, "film"))["detail"]) == (409, True)
    gone = problem(post(under_test, "gone"))
    assert (gone["status"], "was removed" in gone["detail"]) == (404, True)


def test_another_content_type_a_bad_time_and_a_bad_id_are_told(under_test: UnderTest) -> None:
    answer = send(under_test, "POST", "/v1/sources/a/frames", content=JPEG, headers={"Content-Type": "image/png"})
    assert "expected image/jpeg" in problem(answer)["detail"]
    answer = send(under_test, "POST", "/v1/sources/a/frames", content=JPEG, headers=TYPE, params={"t_ms": "noon"})
    assert (problem(answer)["status"], problem(answer)["field"]) == (422, "t_ms")
    assert problem(post(under_test, "-a"))["field"] == "source_id"


def test_sending_takes_the_role_and_sight_of_its_source(under_test: UnderTest) -> None:
    sender = under_test.ring.add(["ingest"], ["mine"])
    assert post(under_test, "mine", key=sender).status_code == 202
    assert problem(post(under_test, "film", key=sender))["status"] == 404
    searcher = under_test.ring.add(["search"], ["mine"])
    assert problem(post(under_test, "mine", key=searcher))["status"] == 403


def test_an_unknown_sender_is_told_how_to_register_where_none_does_so_by_itself(tmp_path: Path) -> None:
    app = make_app(make_tiny_model(tmp_path / "model"), tmp_path, NO_SERVER, auto_register=False)
    told = problem(post(app, "new"))["detail"]
    assert "PUT /v1/sources/new" in told
    assert "FRAMEBUS_AUTO_REGISTER=1" in told
    close(app)


def test_a_sender_is_not_told_that_its_source_is_gone_before_kafka_has_the_removal() -> None:
    book, readiness = SourceBook("tiny-0@00000000"), Readiness()
    readiness.set("kafka", ready=True)
    outbox = Outbox("127.0.0.1:1", "test", Metrics())
    intake = FrameIntake(book, SourceWriter(outbox, book), outbox, readiness, auto_register=False, sample_fps=2.0)
    book.sent(file_source("door", kind="push", url=None, wanted="removed"))
    for status in (503, 404):
        with pytest.raises(Problem) as refused:
            asyncio.run(intake.take("door", JPEG, None, None))
        assert refused.value.status == status
        book.delivered("door", 1)
    intake.close()


def test_no_picture_is_sent_before_kafka_has_the_life_that_it_is_of() -> None:
    outbox, book, readiness = Outbox("127.0.0.1:1", "test", Metrics()), SourceBook("tiny-0@00000000"), Readiness()
    readiness.set("kafka", ready=True)
    intake = FrameIntake(book, SourceWriter(outbox, book), outbox, readiness, auto_register=True, sample_fps=2.0)
    with pytest.raises(Unavailable, match="has not acknowledged 1 records"):
        asyncio.run(intake.take("door", JPEG, None, None))
    intake.close()


def test_a_kafka_that_is_away_is_told_and_more_than_a_few_pictures_stay_with_their_sender() -> None:
    outbox, book, readiness = Outbox("127.0.0.1:1", "test", Metrics()), SourceBook("tiny-0@00000000"), Readiness()
    readiness.set("kafka", ready=True)
    book.follow_sources([file_source("door", kind="push", url=None)], {"door": 0})
    writer = SourceWriter(outbox, book)
    intake = FrameIntake(book, writer, outbox, readiness, auto_register=False, sample_fps=2.0, unconfirmed_limit=1)
    with pytest.raises(Unavailable, match="has not acknowledged 1 records"):
        asyncio.run(intake.take("door", JPEG, None, None))
    with pytest.raises(Problem, match="send this one again") as refused:
        asyncio.run(intake.take("door", JPEG, None, None))
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "2"})
    intake.close()

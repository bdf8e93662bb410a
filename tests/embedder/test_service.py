"""The embedder as a process on a real broker: frames in, embeddings out, in order, whatever comes in and whoever dies."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from confluent_kafka import Message

from encoders.address import load
from encoders.encoder import Encoder
from encoders.pictures import encode_jpeg
from schemas.groups import embedder_group, indexer_group
from schemas.headers import FrameHeaders, Mark
from schemas.messages import Space, decode
from schemas.topics import EMBEDDINGS_BULK, EMBEDDINGS_LIVE, FRAMES_BULK, FRAMES_LIVE, SOURCE_REQUESTS, SPACES
from schemas.vectors import encode_vector
from tests.embedder.service import Bus, Embedder, await_that, headers_of, picture
from tests.tiny_model import make_tiny_model

MakeEmbedder: TypeAlias = Callable[..., tuple[Embedder, Encoder]]
MARKS: dict[int, Mark] = {3: "same", 7: "run_end"}


def fresh(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def bus(kafka: str) -> Bus:
    return Bus(kafka)


@pytest.fixture
def make_embedder(bus: Bus, tmp_path: Path) -> Iterator[MakeEmbedder]:
    """Make embedders with a space of their own, stopped when the test ends."""
    made: list[Embedder] = []

    def make(**settings: str) -> tuple[Embedder, Encoder]:
        folder = make_tiny_model(tmp_path / "model", seed=uuid.uuid4().int % 2**31)
        encoder = load(str(folder), threads=1)
        made.append(Embedder(bus, folder, encoder.space, **settings))
        return made[-1], encoder

    yield make
    for embedder in made:
        assert embedder.stop() in (0, -9), embedder.log.read_text()


def frame(source_id: str, seq: int, **more: object) -> FrameHeaders:
    return FrameHeaders(source_id=source_id, stream=source_id, t_ms=1000 * seq, life=1, run=7, seq=seq, **more)  # type: ignore[arg-type]


def write_stream(bus: Bus, lane: str, source_id: str, frames: int, partition: int) -> None:
    for seq in range(frames):
        bus.frame("live" if lane == "live" else "bulk", frame(source_id, seq), encode_jpeg(picture(seq)), partition)


def expected_vector(encoder: Encoder, seed: int) -> bytes:
    return encode_vector(encoder.embed_images(encoder.prepare(encode_jpeg(picture(seed)))[None])[0])


def seqs(messages: list[Message]) -> list[int]:
    return [int(headers_of(message)["seq"]) for message in messages]


def test_frames_come_out_as_vectors_with_their_partition_order_key_and_headers(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder()
    cameras = [fresh("cam") for _ in range(3)]
    for number, camera in enumerate(cameras):
        bus.add_source(camera)
        for seq in range(10):
            mark = MARKS.get(seq)
            headers = frame(camera, seq, captured_ms=5, width=128, height=72, context=seq == 1, mark=mark)
            if mark == "run_end":
                headers = FrameHeaders(source_id=camera, stream=camera, t_ms=None, life=1, run=7, mark=mark)
            bus.frame("live", headers, b"" if mark else encode_jpeg(picture(seq)), partition=5 + number)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("live", cameras, encoder.space)) == 30, "all embeddings")

    for number, camera in enumerate(cameras):
        messages = bus.embeddings("live", [camera], encoder.space)
        assert {message.partition() for message in messages} == {5 + number}
        assert {message.key() for message in messages} == {camera.encode()}
        for seq, message in enumerate(messages):
            said, mark = headers_of(message), MARKS.get(seq)
            assert said["schema"] == "embedding/1"
            assert said["space"] == encoder.space
            assert said.get("mark") == mark
            assert said.get("seq") == (None if mark == "run_end" else str(seq))
            assert said.get("context") == ("1" if seq == 1 else None)
            assert message.value() == (b"" if mark else expected_vector(encoder, seq))
    spaces = bus.read(SPACES.name, lambda message: message.key() == encoder.space.encode())
    assert decode(spaces[-1].value(), Space).dimension == 32


def test_what_is_invalid_is_a_dead_letter_with_its_reason_and_the_rest_goes_on(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder()
    camera = fresh("cam")
    bus.add_source(camera)
    jpeg = encode_jpeg(picture(0))
    size = jpeg.index(b"\xff\xc0") + 5
    bomb = jpeg[:size] + (60_000).to_bytes(2, "big") * 2 + jpeg[size + 4 :]
    named = [("schema", b"frame/1"), ("source_id", camera.encode()), ("t_ms", b"0")]
    cases: dict[str, tuple[bytes, list[tuple[str, bytes]]]] = {
        "the JPEG of": (jpeg[: len(jpeg) // 2], named),
        "not a picture": (b"no picture", named),
        "the picture is a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\1" * 2, named),
        "60000 x 60000": (bomb, named),
        "empty value": (b"", named),
        "carries a value": (jpeg, [*named[:2], ("run", b"7"), ("mark", b"run_end")]),
        "header schema is missing": (jpeg, named[1:]),
        "header source_id is missing": (jpeg, named[:1]),
        "header t_ms is missing": (jpeg, named[:2]),
        "source_id '../etc'": (jpeg, [named[0], ("source_id", b"../etc"), ("t_ms", b"0")]),
        "does not begin with source_id": (jpeg, [*named, ("stream", b"another")]),
    }
    ids = {}
    for reason, (value, headers) in cases.items():
        ids[reason] = fresh("case")
        bus.write(FRAMES_LIVE.name, value, [*headers, ("case", ids[reason].encode())], key=camera, partition=2)
    bus.frame("live", frame(camera, 0), jpeg, partition=2)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("live", [camera], encoder.space)) == 1, "the good frame")

    def dead() -> dict[str, str]:
        letters = bus.read(FRAMES_LIVE.dlq, lambda message: headers_of(message).get("case") in ids.values())
        return {headers_of(letter)["case"]: headers_of(letter)["dlq_reason"] for letter in letters}

    await_that(lambda: len(dead()) == len(cases), "all dead letters")
    for reason, case in ids.items():
        assert reason in dead()[case]


def test_an_unknown_source_is_asked_for_once_and_goes_on(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder(FRAMEBUS_AUTO_REGISTER="1")
    pusher = fresh("pusher")
    for t_ms in range(5):
        bus.frame("live", FrameHeaders(source_id=pusher, stream=pusher, t_ms=t_ms), encode_jpeg(picture(t_ms)), partition=1)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("live", [pusher], encoder.space)) == 5, "all embeddings")
    requests = bus.read(SOURCE_REQUESTS.name, lambda message: message.key() == pusher.encode())
    assert [json.loads(request.value() or b"")["reason"] for request in requests] == ["unknown_id"]
    stored = sorted(path.name for path in (embedder.media / "thumbnails" / pusher / "1").iterdir())
    assert stored == [f"{t_ms}.jpg" for t_ms in range(5)]


def test_an_unknown_source_is_a_dead_letter_where_nobody_registers_itself(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder()
    known, unknown = fresh("cam"), fresh("stranger")
    bus.add_source(known)
    for source_id in (unknown, known):
        bus.frame("live", frame(source_id, 0), encode_jpeg(picture(0)), partition=0)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("live", [known], encoder.space)) == 1, "the known source")
    letters: list[Message] = []

    def found() -> bool:
        letters[:] = bus.read(FRAMES_LIVE.dlq, lambda message: headers_of(message).get("source_id") == unknown)
        return len(letters) == 1

    await_that(found, "the dead letter")
    assert "FRAMEBUS_AUTO_REGISTER=1" in headers_of(letters[0])["dlq_reason"]


def test_what_is_removed_or_of_another_life_is_left_out(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder()
    removed, again = fresh("removed"), fresh("again")
    bus.add_source(removed, wanted="removed")
    bus.add_source(again, kind="push", life=2)
    for source_id, life in ((removed, 1), (again, 1), (again, 2)):
        headers = FrameHeaders(source_id=source_id, stream=source_id, t_ms=life, life=life)
        bus.frame("bulk", headers, encode_jpeg(picture(life)), partition=0)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("bulk", [again], encoder.space)) == 1, "the life in force")
    assert headers_of(bus.embeddings("bulk", [removed, again], encoder.space)[0])["life"] == "2"
    assert (embedder.media / "thumbnails" / again / "2" / "2.jpg").exists()


def test_a_kill_in_the_middle_loses_nothing_and_keeps_every_order(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder(FRAMEBUS_EMBEDDER_BATCH_IMAGES="16")
    files = [fresh("file") for _ in range(4)]
    for number, source_id in enumerate(files):
        bus.add_source(source_id, kind="file")
        write_stream(bus, "bulk", source_id, 500, partition=number)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("bulk", files, encoder.space)) > 100, "some progress")
    embedder.kill()
    assert len(bus.embeddings("bulk", files, encoder.space)) < 4 * 500
    embedder.start()
    await_that(
        lambda: bus.committed(embedder_group("bulk", encoder.space), FRAMES_BULK.name) == _sum(bus, FRAMES_BULK.name), "all"
    )

    vectors = {seq: expected_vector(encoder, seq) for seq in range(500)}
    for source_id in files:
        messages = bus.embeddings("bulk", [source_id], encoder.space)
        assert sorted(set(seqs(messages))) == list(range(500))
        assert all(message.value() == vectors[seq] for seq, message in zip(seqs(messages), messages, strict=True))
        assert sum(b <= a for a, b in zip(seqs(messages), seqs(messages)[1:], strict=False)) <= 2, (
            "goes back more than once a kill"
        )


def _sum(bus: Bus, topic: str) -> int:
    return sum(place.offset for place in bus.ends(topic))


def test_a_stop_commits_what_was_done_and_the_next_start_repeats_nothing(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder()
    camera = fresh("cam")
    bus.add_source(camera)
    write_stream(bus, "live", camera, 20, partition=3)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("live", [camera], encoder.space)) == 20, "the first embeddings")
    assert embedder.stop() == 0
    assert time.time() - embedder.heartbeat.stat().st_mtime < 30
    bus.frame("live", frame(camera, 20), encode_jpeg(picture(20)), partition=3)
    bus.flush()
    embedder.start()
    await_that(lambda: len(bus.embeddings("live", [camera], encoder.space)) == 21, "the last embedding")
    assert seqs(bus.embeddings("live", [camera], encoder.space)) == list(range(21))


def test_live_frames_pass_by_the_bulk_frames_that_wait(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder(FRAMEBUS_EMBEDDER_BATCH_IMAGES="4")
    camera, file = fresh("cam"), fresh("file")
    bus.add_source(camera)
    bus.add_source(file, kind="file")
    write_stream(bus, "bulk", file, 2500, partition=4)
    bus.flush()
    arrivals = bus.arrivals(partition=4)
    embedder.start()
    assert next(arrivals) == EMBEDDINGS_BULK.name, "the import has begun"
    write_stream(bus, "live", camera, 50, partition=4)
    bus.flush()
    seen = Counter((EMBEDDINGS_BULK.name,))
    while seen[EMBEDDINGS_LIVE.name] < 50:
        seen[next(arrivals)] += 1
    assert seen[EMBEDDINGS_BULK.name] < 2000, "the camera's frames passed by those of the file"
    while seen[EMBEDDINGS_BULK.name] < 2500:
        seen[next(arrivals)] += 1
    assert len(bus.embeddings("bulk", [file], encoder.space)) == 2500


def test_bulk_frames_wait_while_the_indexer_has_too_much_to_read(bus: Bus, make_embedder: MakeEmbedder) -> None:
    embedder, encoder = make_embedder(FRAMEBUS_EMBEDDER_UNREAD_BOUND="40")
    indexer = indexer_group("bulk", encoder.space)
    bus.commit(indexer, bus.ends(EMBEDDINGS_BULK.name))
    camera, file = fresh("cam"), fresh("file")
    bus.add_source(camera)
    bus.add_source(file, kind="file")
    embedder.start()
    write_stream(bus, "bulk", file, 200, partition=6)
    bus.flush()
    await_that(lambda: len(bus.embeddings("bulk", [file], encoder.space)) >= 40, "the first part")
    await_that(lambda: _settled(bus, file, encoder.space), "the import waits")
    write_stream(bus, "bulk", file, 400, partition=6)
    write_stream(bus, "live", camera, 5, partition=6)
    bus.flush()
    await_that(lambda: len(bus.embeddings("live", [camera], encoder.space)) == 5, "the camera")
    assert len(bus.embeddings("bulk", [file], encoder.space)) < 600
    while len(bus.embeddings("bulk", [file], encoder.space)) < 600:
        bus.commit(indexer, bus.ends(EMBEDDINGS_BULK.name))


def _settled(bus: Bus, source_id: str, space: str) -> bool:
    before = len(bus.embeddings("bulk", [source_id], space))
    time.sleep(1.0)
    return len(bus.embeddings("bulk", [source_id], space)) == before


def test_it_waits_for_a_broker_that_is_away_and_stops_when_asked(make_embedder: MakeEmbedder) -> None:
    embedder, _ = make_embedder(FRAMEBUS_KAFKA="127.0.0.1:1")
    embedder.start()
    await_that(lambda: '"event":"waiting"' in embedder.log.read_text(), "the log says that it waits")
    assert embedder.process.poll() is None
    assert embedder.stop() == 0


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [("", "FRAMEBUS_ENCODER must be set"), ("pico-999", "neither a shipped model"), ("hf:name", "expected hf:organisation/name")],
)
def test_an_encoder_that_cannot_be_used_ends_the_process_with_a_reason(
    bus: Bus, make_embedder: MakeEmbedder, encoder: str, reason: str
) -> None:
    embedder, _ = make_embedder(FRAMEBUS_ENCODER=encoder)
    embedder.start()
    assert embedder.process.wait(20) == 2
    assert reason in embedder.log.read_text()
    embedder.process.returncode = 0

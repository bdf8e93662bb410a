"""Bad messages between good ones, through the real stages: each becomes a dead letter or is dropped by rule, and what comes of
the good ones is what comes of them alone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import pytest

from encoders.address import load
from encoders.encoder import Encoder
from originals.access import Access
from schemas.headers import EmbeddingHeaders, FrameHeaders, schema_header
from schemas.limits import LONGEST_URL
from schemas.messages import Chunk, decode, encode
from services.decoder.inspection import inspect
from streaming.records import Record
from tests.broken.mutation import mutant
from tests.broken.seeds import DIMENSION, embedding, frame, json_message, of_topic
from tests.broken.stages import GOOD, Outcome, decode_chunks, embed, index, source
from tests.broken.structured import malformed
from tests.broken.wire import Wire, pack, unpack
from tests.decoder.footage import write_video
from tests.tiny_model import make_tiny_model

SEED: Final = 606
BAD: Final = 1_000
T_MS: Final = 1_700_000_000_000
SENT_MS: Final = 1_764_000_000_000
SOURCES: Final = (
    source(f"{GOOD}camera", "camera"), source(f"{GOOD}push", "push"), source(f"{GOOD}film", "file"),
    source("cam-1", "camera", 2), source("push-1", "push"), source("film-1", "file"),
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load(str(make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", dimension=DIMENSION, text=False)), threads=1)


def good_headers() -> list[FrameHeaders]:
    """Return a camera's run with its end, a push source's samples and a chunk."""
    camera, push, film = f"{GOOD}camera", f"{GOOD}push", f"{GOOD}film"
    made: list[FrameHeaders] = []
    for seq in range(20):
        t_ms = T_MS + 500 * seq
        made.append(FrameHeaders(source_id=camera, stream=camera, t_ms=t_ms, life=1, run=9, seq=seq, captured_ms=t_ms))
        made.append(FrameHeaders(source_id=push, stream=push, t_ms=t_ms))
        made.append(FrameHeaders(source_id=film, stream=f"{film}/1/c0", t_ms=500 * seq, life=1, run=0, seq=seq, context=seq > 16))
    made.append(FrameHeaders(source_id=camera, stream=camera, t_ms=None, life=1, run=9, mark="run_end"))
    made.append(FrameHeaders(source_id=film, stream=f"{film}/1/c0", t_ms=None, life=1, run=0, mark="stream_end"))
    return made


def damaged(dice: Random, wholes: Sequence[Wire], count: int = BAD) -> list[Wire]:
    """Return messages that are wrong by their bytes, or as messages."""
    packed = [pack(whole) for whole in wholes]
    drawn = (dice.randrange(len(wholes)) for _ in range(count))
    return [
        malformed(dice, wholes[number]) if dice.random() < 0.5 else unpack(mutant(dice, packed[number], packed))
        for number in drawn
    ]


def between(good: Sequence[Wire], bad: Sequence[Wire], topic: str) -> list[Record]:
    """Return the records of a partition: the good ones in their order, the bad ones anywhere between them."""
    dice = Random(SEED)
    order = [True] * len(good) + [False] * len(bad)
    dice.shuffle(order)
    left, wrong = iter(good), iter(bad)
    records = ((next(left if is_good else wrong), number) for number, is_good in enumerate(order))
    return [wire.record(topic, 100 + number, SENT_MS + number) for wire, number in records]


def check_nothing_is_lost_or_changed(
    run: Callable[[list[Record]], Outcome], good: list[Wire], bad: list[Wire], topic: str
) -> Outcome:
    alone = run(between(good, [], topic))
    assert alone.rejected == 0
    mixed = run(between(good, bad, topic))
    sent, rows = mixed.good()
    expected_sent, expected_rows = alone.good()
    assert sent == expected_sent
    assert rows.keys() == expected_rows.keys()
    assert all(rows[key].vector.tobytes() == row.vector.tobytes() for key, row in expected_rows.items())
    assert mixed.rejected > len(bad) // 4
    return mixed


@pytest.mark.parametrize("topic", ["frames-live", "frames-bulk"])
def test_the_embedder_rejects_what_is_wrong_and_embeds_the_rest(topic: str, encoder: Encoder, tmp_path: Path) -> None:
    dice = Random(f"{SEED} {topic}")
    good = [frame(headers, seed) for seed, headers in enumerate(good_headers())]
    bad = damaged(dice, of_topic(topic))
    mixed = check_nothing_is_lost_or_changed(lambda records: embed(records, SOURCES, encoder, tmp_path), good, bad, topic)
    embedded = [one for one in mixed.sent if one.topic.startswith("embeddings")]
    assert len(embedded) + mixed.rejected + mixed.dropped == len(good) + len(bad)


@pytest.mark.parametrize("key", [b"k" * 999_000, b"\xff" * 400_000, b"\xff" * 1_024, None, b""])
def test_a_key_of_any_length_does_not_make_an_embedding_more_than_kafka_takes(
    key: bytes | None, encoder: Encoder, tmp_path: Path
) -> None:
    [sample] = [headers for headers in good_headers() if headers.mark == "run_end"]
    wire = frame(sample)
    sent = embed([Wire(key, wire.value, wire.headers).record("frames-live")], SOURCES, encoder, tmp_path).sent
    assert [one.source_id for one in sent] == [sample.source_id]


def with_long(name: str, wire: Wire) -> Wire:
    """Return a message whose header of this name is as long as Kafka takes."""
    return Wire(wire.key, wire.value, [*(header for header in wire.headers if header[0] != name), (name, b"x" * 999_000)])


@pytest.mark.parametrize("name", ["schema", "unheard-of", *EmbeddingHeaders.__struct_fields__])
def test_a_header_of_any_length_ends_no_service(name: str, encoder: Encoder, tmp_path: Path) -> None:
    [mark] = [headers for headers in good_headers() if headers.mark == "run_end"]
    embedded = embed([with_long(name, frame(mark)).record("frames-live")], SOURCES, encoder, tmp_path)
    indexed = index([with_long(name, embedding(mark)).record("embeddings-live")], SOURCES)
    is_read = name in ("schema", *FrameHeaders.__struct_fields__)
    assert (len(embedded.sent), embedded.rejected) == ((0, 1) if is_read else (1, 0))
    assert indexed.rejected == (name != "unheard-of")


@pytest.mark.parametrize("topic", ["embeddings-live", "embeddings-bulk"])
def test_the_indexer_rejects_what_is_wrong_and_writes_the_rest(topic: str) -> None:
    dice = Random(f"{SEED} {topic}")
    good = [embedding(headers, seed) for seed, headers in enumerate(good_headers())]
    bad = damaged(dice, of_topic(topic))
    mixed = check_nothing_is_lost_or_changed(lambda records: index(records, SOURCES), good, bad, topic)
    assert {row.source_id for row in mixed.rows.values()} <= {one.source_id for one in SOURCES}
    assert len(mixed.good()[1]) == 20 + 20 + 17


def test_the_decoder_rejects_chunks_that_are_wrong_and_decodes_the_rest(tmp_path: Path) -> None:
    dice = Random(f"{SEED} chunks")
    film = write_video(tmp_path / "film.mp4", list(range(0, 2_000, 80)))
    sources = (source(f"{GOOD}film", "file", 1, str(film)), source("dock-4f1c2a9b", "file", 2, str(film)))
    fingerprint = inspect(sources[0], Access((tmp_path,))).fingerprint
    whole = decode(json_message("chunk/1").value, Chunk)
    order = msgspec.structs.replace(whole, url=str(film), fingerprint=fingerprint, start_ms=0, read_from_ms=0)
    own = msgspec.structs.replace(order, source_id=f"{GOOD}film", stream=f"{GOOD}film/1/c0", life=1, index=0)
    wholes = [Wire(b"k", encode(one), list(schema_header("chunk/1"))) for one in (order, order, whole)]
    bad = damaged(dice, wholes, BAD // 10)
    good = [Wire(None, encode(own), list(schema_header("chunk/1")))] * 2
    mixed = check_nothing_is_lost_or_changed(lambda records: decode_chunks(records, sources, tmp_path), good, bad, "chunks")
    assert mixed.rejected + mixed.dropped == len(good) + len(bad)


def test_an_address_of_any_length_does_not_make_a_status_more_than_kafka_takes(tmp_path: Path) -> None:
    whole = decode(json_message("chunk/1").value, Chunk)
    order = msgspec.structs.replace(whole, source_id="film-1", stream="film-1/1/c0", life=1, index=0)
    outcomes = []
    for characters in (LONGEST_URL, LONGEST_URL + 1, 950_000):
        order = msgspec.structs.replace(order, url="x" * (characters - len("://host")) + "://host")
        wire = Wire(b"k", encode(order), list(schema_header("chunk/1")))
        outcomes.append(decode_chunks([wire.record("chunks")], SOURCES, tmp_path))
    assert [(outcome.rejected, len(outcome.sent)) for outcome in outcomes] == [(0, 1), (1, 0), (1, 0)]

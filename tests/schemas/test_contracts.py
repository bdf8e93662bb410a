"""Contracts: nothing drifts, nothing is an orphan, and what was once written can be read for ever."""

from pathlib import Path
from typing import get_args

import jsonschema
import msgspec
import orjson
import pytest

from schemas import messages, publish
from schemas.errors import InvalidMessage
from schemas.headers import (
    EMBEDDING,
    FRAME,
    SAID,
    EmbeddingHeaders,
    decode_embedding_headers,
    decode_frame_headers,
    encode_embedding_headers,
    encode_frame_headers,
)
from schemas.messages import MESSAGES, Life, Source, decode, encode
from schemas.topics import LANES, TOPICS, Service
from schemas.vectors import decode_vector, encode_vector

EXAMPLES = Path(messages.__file__).parent / "examples"


def headers_of(name: str) -> list[tuple[str, bytes]]:
    return [(key, value.encode()) for key, value in orjson.loads((EXAMPLES / f"{name}.headers.json").read_bytes())]


@pytest.mark.parametrize("schema", MESSAGES)
def test_the_example_of_a_message_is_read_and_written_again_byte_for_byte(schema: str) -> None:
    example = (EXAMPLES / f"{publish.file_name(schema)}.json").read_bytes()
    assert messages.encode(messages.decode(example, MESSAGES[schema])) == example


@pytest.mark.parametrize("schema", MESSAGES)
def test_the_published_schema_equals_the_code_and_accepts_the_example(schema: str) -> None:
    published = (publish.PUBLISHED / f"{publish.file_name(schema)}.schema.json").read_text()
    assert published == publish.schema_text(schema), "run `make schemas`"
    example = orjson.loads((EXAMPLES / f"{publish.file_name(schema)}.json").read_bytes())
    jsonschema.Draft202012Validator(orjson.loads(published)).validate(example)


@pytest.mark.parametrize("schema", MESSAGES)
def test_a_reader_ignores_a_field_that_it_does_not_know(schema: str) -> None:
    example = orjson.loads((EXAMPLES / f"{publish.file_name(schema)}.json").read_bytes())
    messages.decode(orjson.dumps({**example, "a_later_field": 1}), MESSAGES[schema])


@pytest.mark.parametrize(
    ("schema", "field", "value"),
    [
        ("source/1", "source_id", "dock-4f1c2a9b\n"),
        ("chunk/1", "source_id", "another"),
        *((schema, "stream", stream) for schema in ("chunk/1", "chunk-status/1", "index-event/1")
          for stream in ("", "dock-4f1c2a9b/2/", "dock-4f1c2a9b/2/rx", "dock-4f1c2a9b/2/c1\n", "../..")),
    ],
)  # fmt: skip
def test_a_name_that_no_reader_could_take_apart_is_refused(schema: str, field: str, value: str) -> None:
    example = orjson.loads((EXAMPLES / f"{publish.file_name(schema)}.json").read_bytes())
    with pytest.raises(InvalidMessage, match=f"not a {schema}"):
        messages.decode(orjson.dumps({**example, field: value}), MESSAGES[schema])


@pytest.mark.parametrize("days", [0, -1, 36_501, 1e15, 1e302])
def test_rows_are_kept_for_some_time_and_no_longer_than_a_hundred_years(days: float) -> None:
    source = Source(source_id="cam", kind="camera", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0, keep_days=days)
    with pytest.raises(InvalidMessage, match="keep_days"):
        decode(encode(source), Source)


def test_a_plan_whose_chunks_are_not_in_their_places_is_refused() -> None:
    example = orjson.loads((EXAMPLES / "source-status-1.json").read_bytes())
    assert len(example["plan"]["chunks"]) > 1
    example["plan"]["chunks"].reverse()
    with pytest.raises(InvalidMessage, match="are not numbered from 0"):
        messages.decode(orjson.dumps(example), messages.SourceStatus)


def test_the_table_of_topics_equals_the_code() -> None:
    assert publish.TOPICS_PAGE.read_text() == publish.topics_page(), "run `make schemas`"


def test_every_topic_speaks_a_schema_and_every_schema_has_a_topic() -> None:
    spoken = {topic.schema for topic in TOPICS.values()}
    assert spoken == {*MESSAGES, FRAME, EMBEDDING}


def test_every_topic_has_a_writer_and_a_reader_that_are_known() -> None:
    for topic in TOPICS.values():
        assert topic.writers
        assert topic.readers
        assert {*topic.writers, *topic.readers} <= set(get_args(Service))


def test_a_lane_has_as_many_partitions_of_embeddings_as_of_frames() -> None:
    for frames, embeddings in LANES.values():
        assert frames.partitions == embeddings.partitions


def test_every_topic_that_carries_work_has_dead_letters() -> None:
    for topic in TOPICS.values():
        if topic.dead_letters:
            assert TOPICS[topic.dlq].schema == topic.schema


def test_the_example_of_a_frame_is_read_and_written_again() -> None:
    raw = headers_of("frame-1")
    assert encode_frame_headers(decode_frame_headers(raw)) == raw
    assert (EXAMPLES / "frame-1.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    ("example", "mark"),
    [("frame-1.mark", "stream_end"), ("frame-1.counted-mark", "stream_end"), ("frame-1.rebuild-mark", "run_end")],
)
def test_the_examples_of_a_mark_are_read_and_written_again(example: str, mark: str) -> None:
    raw = headers_of(example)
    assert decode_frame_headers(raw).mark == mark
    assert encode_frame_headers(decode_frame_headers(raw)) == raw


def test_the_example_of_an_embedding_is_read_and_written_again() -> None:
    raw = headers_of("embedding-1")
    assert encode_embedding_headers(decode_embedding_headers(raw)) == raw
    value = (EXAMPLES / "embedding-1.bin").read_bytes()
    assert encode_vector(decode_vector(value, 4)) == value


def test_every_header_is_published() -> None:
    assert SAID.keys() == {"schema"} | {field.name for field in msgspec.structs.fields(EmbeddingHeaders)}

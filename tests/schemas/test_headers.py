"""Headers that any producer may write, and what a wrong one is told."""

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders, decode_embedding_headers, decode_frame_headers, encode_frame_headers
from schemas.identity import check_source_id, derive_source_id, row_key, sample_hash, source_no, without_credentials
from schemas.limits import LARGEST_T_MS, LONGEST_LACKS
from schemas.space import check_space, slug, space_name
from schemas.vectors import decode_vector

LEAST = {"schema": "frame/1", "source_id": "cam-1", "t_ms": "1000"}


def raw(**changes: str | None) -> list[tuple[str, bytes]]:
    return [(name, text.encode()) for name, text in {**LEAST, **changes}.items() if text is not None]


def test_three_headers_are_enough() -> None:
    headers = decode_frame_headers(raw())
    assert headers == FrameHeaders(source_id="cam-1", t_ms=1000, stream="cam-1")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema": None}, "header schema is missing"),
        ({"schema": "frame/2"}, "expected 'frame/1'"),
        ({"source_id": None}, "header source_id is missing"),
        ({"source_id": "-cam"}, "beginning with a letter or digit"),
        ({"source_id": "a" * 65}, "at most 64"),
        ({"t_ms": None}, "header t_ms is missing"),
        ({"t_ms": "1.5"}, "decimal integer"),
        ({"t_ms": "٣"}, "decimal integer"),
        ({"t_ms": str(2**60)}, "decimal integer"),
        ({"captured_ms": str(2**53 - 1)}, "expected -1 to 253370764799999"),
        ({"run": "1"}, "run and seq come together"),
        ({"run": "1", "seq": "-1"}, "header seq is -1"),
        ({"life": "0"}, "header life is 0"),
        ({"mark": "end"}, "expected one of same, run_end, stream_end"),
        ({"mark": "stream_end"}, "carries neither t_ms nor seq"),
        ({"mark": "same"}, "mark same carries"),
        ({"context": "yes"}, "expected 0 or 1"),
        ({"lacks": "x" * (LONGEST_LACKS + 1)}, "header lacks has 501 characters: say in at most 500"),
        ({"stream": "other/1/c0"}, "does not begin with source_id"),
        ({"stream": "cam-1/x/c0"}, "expected SOURCE_ID"),
    ],
)
def test_a_wrong_header_is_told_by_name_and_rule(changes: dict[str, str | None], told: str) -> None:
    with pytest.raises(InvalidMessage, match=told.replace("(", r"\(")):
        decode_frame_headers(raw(**changes))


def test_the_longest_that_may_be_said_to_be_lacking_is_taken() -> None:
    mark = FrameHeaders(
        source_id="film", t_ms=None, stream="film/1/c0", life=1, run=7, mark="run_end", rebuild=True, lacks="ü" * LONGEST_LACKS
    )
    assert decode_frame_headers(encode_frame_headers(mark)) == mark


def test_headers_that_are_no_text_are_told() -> None:
    with pytest.raises(InvalidMessage, match="not UTF-8"):
        decode_frame_headers([*raw(), ("run", b"\xff\xfe")])


def test_an_embedding_names_its_space() -> None:
    with pytest.raises(InvalidMessage, match="header space is missing"):
        decode_embedding_headers(raw(schema="embedding/1"))


source_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
times = st.integers(-LARGEST_T_MS, LARGEST_T_MS)


@given(source_ids, times, st.none() | st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)), st.booleans())
def test_headers_survive_the_log(source_id: str, t_ms: int, place: tuple[int, int] | None, context: bool) -> None:
    run, seq = place or (None, None)
    headers = FrameHeaders(source_id=source_id, t_ms=t_ms, stream=f"{source_id}/3/c7", run=run, seq=seq, context=context)
    assert decode_frame_headers(encode_frame_headers(headers)) == headers


@given(st.binary(max_size=64))
def test_bytes_are_a_unit_vector_or_a_message_that_says_why_not(value: bytes) -> None:
    try:
        vector = decode_vector(value, 8)
    except InvalidMessage:
        return
    assert len(value) == 16
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


@given(st.text(max_size=80))
def test_every_address_gives_an_id_that_is_allowed_and_steady(address: str) -> None:
    try:
        source_id = derive_source_id(address)
    except ValueError:
        return  # an address that no URL parser takes
    assert check_source_id(source_id) == derive_source_id(address)


def test_a_password_neither_enters_the_id_nor_its_hash() -> None:
    assert derive_source_id("rtsp://u:secret@host/cam") == derive_source_id("rtsp://host/cam")
    assert without_credentials("rtsp://u:p@host:554/cam?x=1") == "rtsp://host:554/cam?x=1"


def test_names_are_the_ones_that_were_written_before() -> None:
    assert row_key("cam-1", 2, "f", 1500) == "cam-1/2/f/1500"
    assert row_key("cam-1", 2, "f", 1500, provisional=True) == "cam-1/2/f/1500/p"
    assert source_no("cam-1") == 467181492218143826
    assert sample_hash("cam-1/2/f/1500") == 90621502
    assert derive_source_id("/videos/Dock 3.mp4") == "Dock-3-e2d84a17"


def test_a_space_is_named_by_its_model_and_the_bytes_of_its_image_tower() -> None:
    space = space_name("pico-1", BytesIO(b"onnx"))
    assert check_space(space) == space
    assert slug(space).replace("_", "").isalnum()
    with pytest.raises(InvalidMessage, match="8 hex digits"):
        check_space("pico-1")

"""Which life a record is of, and whether it still counts."""

import msgspec
import pytest

from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders
from schemas.lives import life_at, stated_life
from schemas.messages import Life, Source, Wanted
from services.indexer.lives import all_over, camera_days, standing


def source(life: int, wanted: Wanted = "running") -> Source:
    lives = tuple(Life(life=number, began_ms=number * 1000) for number in range(1, life + 1))
    return Source(source_id="a", kind="camera", life=life, lives=lives, sample_fps=1.0, wanted=wanted)


def headers(stream: str, life: int | None) -> FrameHeaders:
    return FrameHeaders(source_id="a", stream=stream, t_ms=0, life=life)


def test_a_record_without_a_life_is_of_the_one_in_force_when_it_was_written() -> None:
    assert [life_at(source(3), ms) for ms in (0, 1000, 1999, 2000, 5000)] == [1, 1, 1, 2, 3]


def test_a_chunk_names_its_life_in_its_stream_and_a_header_may_not_contradict_it() -> None:
    assert stated_life(headers("a/4/c0", None)) == stated_life(headers("a/4/c0", 4)) == 4
    assert stated_life(headers("a", None)) is None
    with pytest.raises(InvalidMessage, match="header life is 3, but stream 'a/4/c0' is of life 4"):
        stated_life(headers("a/4/c0", 3))


def test_only_the_life_in_force_is_written_and_none_of_a_removed_source() -> None:
    assert [standing(source(2), life) for life in (1, 2, 3)] == ["over", "in_force", "ahead"]
    assert [standing(source(2, "removed"), life) for life in (1, 2, 3)] == ["over", "over", "ahead"]
    assert standing(source(2, "paused"), 2) == "in_force"


def test_what_is_over_is_every_earlier_life_and_the_last_one_of_a_removed_source() -> None:
    removed = Source(source_id="b", kind="file", life=1, lives=(), sample_fps=1.0, wanted="removed")
    assert all_over([source(1)]) == {}
    assert all_over([source(3), removed]) == {"a": 2, "b": 1}


def test_only_the_rows_of_cameras_grow_too_old_by_default_or_as_their_source_says() -> None:
    kinds = [msgspec.structs.replace(source(1), source_id=kind, kind=kind) for kind in ("camera", "file", "push")]
    short = msgspec.structs.replace(source(1), source_id="short", keep_days=2.5)
    assert camera_days([*kinds, short], 30.0) == {(30.0, 1): ["camera"], (2.5, 1): ["short"]}

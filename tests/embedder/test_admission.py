"""Which records are embedded: those of sources and lives that are not over."""

import msgspec
import pytest

from schemas.errors import InvalidMessage
from schemas.headers import FrameHeaders
from schemas.lives import life_at
from schemas.messages import Kind, Life, Source, Wanted
from services.embedder.admission import Admitted, Dropped, admit


def source(life: int = 2, *, kind: Kind = "file", wanted: Wanted = "running", record: bool = True) -> Source:
    lives = tuple(Life(life=number, began_ms=1000 * number) for number in range(1, life + 1))
    return Source(source_id="cam", kind=kind, life=life, lives=lives, sample_fps=1.0, wanted=wanted, record=record)


def headers(life: int | None = None) -> FrameHeaders:
    return FrameHeaders(source_id="cam", stream="cam", t_ms=5, life=life)


@pytest.mark.parametrize(
    ("life", "written_ms", "known", "expected"),
    [
        (2, 0, source(), Admitted(2, unrecorded=False)),
        (1, 9999, source(), Dropped("another life")),
        (None, 2500, source(), Admitted(2, unrecorded=False)),
        (None, 1500, source(), Dropped("another life")),
        (None, 500, source(1), Admitted(1, unrecorded=False)),
        (2, 0, source(kind="push"), Admitted(2, unrecorded=True)),
        (2, 0, source(kind="camera"), Admitted(2, unrecorded=False)),
        (2, 0, source(kind="camera", record=False), Admitted(2, unrecorded=True)),
        (2, 0, source(record=False), Admitted(2, unrecorded=False)),
        (2, 0, source(wanted="paused"), Admitted(2, unrecorded=False)),
        (2, 0, source(wanted="removed"), Dropped("removed source")),
        (None, 9999, source(wanted="removed"), Dropped("removed source")),
        (None, 9999, None, Admitted(None, unrecorded=True)),
        (4, 9999, None, Admitted(4, unrecorded=True)),
    ],
)
def test_a_record_is_admitted_by_its_life(
    life: int | None, written_ms: int, known: Source | None, expected: Admitted | Dropped
) -> None:
    assert admit(headers(life), written_ms, known) == expected


def test_a_stream_that_names_its_life_is_of_it_without_a_header_too() -> None:
    of_stream = msgspec.structs.replace(headers(), stream="cam/1/c0")
    assert admit(of_stream, 9999, source()) == Dropped("another life")
    assert admit(of_stream, 9999, None) == Admitted(1, unrecorded=True)
    with pytest.raises(InvalidMessage, match="header life is 2, but stream 'cam/1/c0' is of life 1"):
        admit(msgspec.structs.replace(of_stream, life=2), 9999, source())


def test_a_life_that_has_not_begun_is_invalid() -> None:
    with pytest.raises(InvalidMessage, match="life 3 of source 'cam' has not begun: it is in life 2"):
        admit(headers(3), 0, source(wanted="removed"))


@pytest.mark.parametrize("known", [None, source(kind="push")])
@pytest.mark.parametrize("times", [{"captured_ms": 160_001}, {"t_ms": 2_000_000_000_000}])
def test_a_pushed_picture_from_the_future_is_invalid_and_named(known: Source | None, times: dict[str, int]) -> None:
    ahead = msgspec.structs.replace(headers(), **times)
    with pytest.raises(InvalidMessage, match=f"{next(iter(times))} .* s in the future"):
        admit(ahead, 100_000, known)


def test_a_clock_that_is_a_little_ahead_a_timeline_of_its_own_and_a_file_are_no_future() -> None:
    near = msgspec.structs.replace(headers(), captured_ms=160_000, t_ms=999_999_999_999)
    assert admit(near, 100_000, source(kind="push")) == Admitted(2, unrecorded=True)
    assert admit(msgspec.structs.replace(near, captured_ms=10**13), 100_000, source()) == Admitted(2, unrecorded=False)


def test_the_life_in_force_is_the_last_that_had_begun() -> None:
    known = source(3)
    assert [life_at(known, at) for at in (0, 1000, 2999, 3000, 10_000)] == [1, 1, 2, 3, 3]

"""What becomes of a dealt chunk."""

import pytest
from msgspec.structs import replace

from schemas.messages import Chunk, Kind, Life, Source, Wanted
from services.decoder.verdict import dealing_ms, verdict

CHUNK = Chunk(
    stream="s/2/c0", source_id="s", life=2, index=0, url="/v", fingerprint="f", sample_fps=2.0, start_ms=0, end_ms=1,
    read_from_ms=0, read_until_ms=1,
)  # fmt: skip


def source(life: int = 2, wanted: Wanted = "running", kind: Kind = "file") -> Source:
    return Source(
        source_id="s", kind=kind, life=life, lives=(Life(life=life, began_ms=0),), url="/v", sample_fps=2.0, wanted=wanted
    )


def test_a_chunk_of_a_running_source_is_decoded_at_once() -> None:
    assert verdict(CHUNK, source(), done=False, is_settled=False) == "decode"


@pytest.mark.parametrize("found", [source(life=3), source(wanted="removed"), source(life=3, wanted="removed")])
def test_a_chunk_whose_life_is_over_is_dropped_at_once(found: Source) -> None:
    assert verdict(CHUNK, found, done=False, is_settled=False) == "drop"


def test_a_chunk_that_is_done_is_dropped_at_once() -> None:
    assert verdict(CHUNK, source(), done=True, is_settled=False) == "drop"


@pytest.mark.parametrize("found", [None, source(life=1), source(wanted="paused")])
def test_a_chunk_may_arrive_before_the_wanted_state_that_it_was_dealt_under(found: Source | None) -> None:
    assert verdict(CHUNK, found, done=False, is_settled=False) == "wait"
    assert verdict(CHUNK, found, done=False, is_settled=True) == "drop"


@pytest.mark.parametrize("kind", ["push", "camera"])
def test_a_source_that_is_no_file_has_only_what_was_recorded(kind: Kind) -> None:
    """It would be tried for ever: only of a file is it known whether it can be read."""
    assert verdict(CHUNK, source(kind=kind), done=False, is_settled=False) == "refuse"
    assert verdict(CHUNK, source(life=1, kind=kind), done=False, is_settled=False) == "wait", "it may have become a file since"
    assert verdict(replace(CHUNK, rebuild=True), source(kind=kind), done=False, is_settled=False) == "decode"


def test_a_timestamp_from_the_future_counts_as_the_time_of_reading() -> None:
    an_hour_ms = 3_600_000
    assert dealing_ms(timestamp_ms=5_000 + an_hour_ms, read_ms=5_000) == 5_000
    assert dealing_ms(timestamp_ms=4_000, read_ms=5_000) == 4_000

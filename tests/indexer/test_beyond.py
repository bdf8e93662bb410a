"""What a rebuild asks for: what is in the index and does not come from the log, and nothing else."""

from typing import Any

from schemas.headers import EmbeddingHeaders
from schemas.messages import ChunkStatus, Kind, Life, Plan, Source, Span
from services.indexer.beyond import STRETCH_MS, Beginnings, parts_of_camera, parts_of_file
from services.indexer.core.settings import Smoothing

NOW_MS = 1_795_161_600_000
PLAN = Plan(
    life=2, fingerprint="f", duration_ms=900, sample_fps=4.0, seekable=True,
    chunks=tuple(Span(index=index, start_ms=300 * index, end_ms=300 * index + 300) for index in range(3)),
)  # fmt: skip


def source(kind: Kind) -> Source:
    return Source(source_id="s", kind=kind, life=2, lives=(Life(life=2, began_ms=0),), sample_fps=2.0)


def caught_up(first_ms: int, last_ms: int | None) -> ChunkStatus:
    return ChunkStatus(stream=f"s/2/r{first_ms}", source_id="s", life=2, index=0, space="m@00000000", rows=1, last_t_ms=last_ms)


def test_chunks_that_are_done_and_did_not_come_whole_are_asked_for() -> None:
    parts = list(parts_of_file(source("file"), PLAN, {"s/2/c0", "s/2/c1"}.__contains__, {"s/2/c1"}))
    assert [(part.stream, part.index, part.start_ms, part.end_ms, part.sample_fps) for part in parts] == [
        ("s/2/c0", 0, 0, 300, 4.0)
    ]
    order = parts[0].order(77)
    assert (order.rebuild, order.run, order.url, order.recorded) == (True, 77, "", ())


def test_stretches_lie_on_a_grid_and_spans_after_them_are_asked_for_as_they_were() -> None:
    begin_ms, until_ms = NOW_MS - STRETCH_MS - 5, NOW_MS + 5
    spans = [caught_up(until_ms + 100, until_ms + 200), caught_up(begin_ms, until_ms - 1), caught_up(until_ms - 9, until_ms + 9)]
    parts = list(parts_of_camera(source("camera"), begin_ms, until_ms, spans))
    assert [(part.start_ms, part.end_ms) for part in parts] == [
        (begin_ms, NOW_MS - STRETCH_MS), (NOW_MS - STRETCH_MS, NOW_MS), (NOW_MS, until_ms),
        (until_ms, until_ms + 10), (until_ms + 100, until_ms + 201),
    ]  # fmt: skip
    assert {part.stream for part in parts} == {f"s/2/r{part.start_ms}" for part in parts}
    assert [part.end_ms for part in parts_of_camera(source("camera"), 0, 0, [caught_up(7, None)])] == [8]


def sample(t_ms: int, **changes: Any) -> EmbeddingHeaders:
    return EmbeddingHeaders(**{"source_id": "s", "t_ms": t_ms, "stream": "s", "space": "m@00000000", **changes})


def test_a_camera_is_asked_for_up_to_the_first_row_that_the_log_gives_right() -> None:
    smoothing = Smoothing(sigma_seconds=1.0, cut_memory=4)
    beginnings = Beginnings(smoothing)
    assert beginnings.until_ms(source("camera"), NOW_MS) is None, "nothing has left the log"
    beginnings.begins(4, 0)
    beginnings.begins(5, 17)
    assert beginnings.until_ms(source("camera"), NOW_MS) == NOW_MS, "it may have lain in the partition that has lost something"
    for second in range(9):
        beginnings.note(5, sample(second * 1000), 2)
        beginnings.note(5, sample(second * 1000 + 1, stream="s/2/r7"), 2)
    assert beginnings.until_ms(source("camera"), NOW_MS) == 5_000 + 3_000 + 1
    assert beginnings.until_ms(source("camera"), 50) == 50


def test_a_camera_whose_partition_is_whole_is_not_asked_for() -> None:
    beginnings = Beginnings(Smoothing())
    beginnings.begins(5, 17)
    beginnings.note(4, sample(0), 2)
    assert beginnings.until_ms(source("camera"), NOW_MS) is None

"""What lies before the log's beginning and is to be decoded again: chunks of files, stretches of cameras' recordings. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final

from schemas.headers import EmbeddingHeaders
from schemas.identity import chunk_stream, recut_stream
from schemas.messages import Chunk, ChunkStatus, Plan, Source
from services.indexer.core.settings import Smoothing

STRETCH_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk of a file as it was planned, or [start_ms, end_ms) of a camera's timeline."""

    stream: str
    source_id: str
    life: int
    index: int
    start_ms: int
    end_ms: int
    sample_fps: float

    def order(self, run: int) -> Chunk:
        """Return the work order; a worker knows how the part is read."""
        return Chunk(
            stream=self.stream, source_id=self.source_id, life=self.life, index=self.index, url="", fingerprint="",
            sample_fps=self.sample_fps, start_ms=self.start_ms, end_ms=self.end_ms, read_from_ms=self.start_ms,
            read_until_ms=self.end_ms, run=run, rebuild=True,
        )  # fmt: skip


def parts_of_file(source: Source, plan: Plan, is_done: Callable[[str], bool], whole: Collection[str]) -> Iterator[Part]:
    """Yield the chunks that are in the index and did not come `whole` from the log."""
    for span in plan.chunks:
        stream = chunk_stream(source.source_id, source.life, span.index)
        if is_done(stream) and stream not in whole:
            yield Part(stream, source.source_id, source.life, span.index, span.start_ms, span.end_ms, plan.sample_fps)


def parts_of_camera(source: Source, from_ms: int, until_ms: int, spans: Iterable[ChunkStatus]) -> Iterator[Part]:
    """Yield what lies before `until_ms`, and what of it `spans` that were caught up have shown after it."""
    begin_ms = from_ms
    while begin_ms < until_ms:
        end_ms = min(until_ms, (begin_ms // STRETCH_MS + 1) * STRETCH_MS)
        yield _stretch(source, begin_ms, end_ms)
        begin_ms = end_ms
    for first_ms, last_ms in sorted(map(_reach, spans)):
        begin_ms = max(first_ms, from_ms, until_ms)
        if begin_ms <= last_ms:
            yield _stretch(source, begin_ms, last_ms + 1)


def is_caught_up(stream: str) -> bool:
    """Whether a stream is a span of a recording and no chunk of a file."""
    return stream.rpartition("/")[2].startswith("r") and "/" in stream


class Beginnings:
    """Where the log begins for each camera. The first rows that are made from there lack what their windows saw before it."""

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._cut: set[int] = set()
        self._partitions: dict[tuple[str, int], int] = {}
        self._first_ms: dict[tuple[str, int], list[int]] = {}

    def begins(self, partition: int, offset: int) -> None:
        """Note where a partition of the live lane begins."""
        if offset > 0:
            self._cut.add(partition)

    def note(self, partition: int, headers: EmbeddingHeaders, life: int) -> None:
        """Take one record of the live lane."""
        if headers.t_ms is None or headers.stream != headers.source_id:
            return
        key = headers.source_id, life
        self._partitions.setdefault(key, partition)
        first_ms = self._first_ms.setdefault(key, [])
        if len(first_ms) <= self._smoothing.cut_memory + 1:
            first_ms.append(headers.t_ms)

    def until_ms(self, source: Source, now_ms: int) -> int | None:
        """Return up to when a camera's rows are to be made from its recording; None when the log holds all of it."""
        key = source.source_id, source.life
        if key not in self._partitions:
            return now_ms if self._cut else None
        if self._partitions[key] not in self._cut:
            return None
        first_ms = self._first_ms[key]
        is_enough = len(first_ms) > self._smoothing.cut_memory + 1
        return min(now_ms, ceil(max(first_ms) + self._smoothing.reach_ms) + 1) if is_enough else now_ms


def _stretch(source: Source, start_ms: int, end_ms: int) -> Part:
    stream = recut_stream(source.source_id, source.life, start_ms)
    return Part(stream, source.source_id, source.life, 0, start_ms, end_ms, source.sample_fps)


def _reach(span: ChunkStatus) -> tuple[int, int]:
    first_ms = int(span.stream.rpartition("/")[2][1:])
    return first_ms, first_ms if span.last_t_ms is None else span.last_t_ms

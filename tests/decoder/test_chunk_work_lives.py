"""A worker says of a chunk that has failed only what concerns the life in force."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from schemas.identity import chunk_stream
from schemas.messages import Chunk, Life, Message, Plan, Source, SourceStatus, Span, encode
from schemas.topics import CHUNKS
from services.decoder.chunk_work import ChunkWork
from services.decoder.metrics import METRICS
from streaming.metrics import Metrics
from streaming.records import Partition, Record
from streaming.stage import Start
from tests.decoder.footage import ANYWHERE

PARTITION = Partition(CHUNKS.name, 0)
PLAN = Plan(
    life=1, fingerprint="f", duration_ms=1000, sample_fps=1.0, seekable=True, chunks=(Span(index=0, start_ms=0, end_ms=1000),)
)
RUNNING = SourceStatus(source_id="a", life=1, state="running", since_ms=1, plan=PLAN)


@dataclass
class Desk:
    """The work on chunks, what it knows, and what was written that it has not read."""

    work: ChunkWork
    sources: dict[str, Source] = field(default_factory=dict)
    unread: dict[str, Source] = field(default_factory=dict)
    statuses: dict[str, SourceStatus] = field(default_factory=dict)
    sent: list[Message] = field(default_factory=list)

    def read_on(self, _: float) -> None:
        self.sources |= self.unread

    def fail(self, turns_seconds: float = 5.0) -> bool:
        """Deal a chunk of a file that is not there and let it fail; return whether it is finished with."""
        stream = chunk_stream("a", 1, 0)
        chunk = Chunk(
            stream=stream, source_id="a", life=1, index=0, url="/nowhere/at/all.mp4", fingerprint="f", sample_fps=2.0,
            start_ms=0, end_ms=2000, read_from_ms=0, read_until_ms=2000,
        )  # fmt: skip
        self.work.process([Record(PARTITION, 0, stream.encode(), encode(chunk), (), 1)])
        until = time.monotonic() + turns_seconds
        while time.monotonic() < until and self.work.reached(PARTITION).safe_offset == 0:
            self.work.step()
        return self.work.reached(PARTITION).safe_offset == 1


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(cast("Any", None))
    sources = SimpleNamespace(values=made.sources, read_on=made.read_on)
    statuses = SimpleNamespace(values=made.statuses)
    state = SimpleNamespace(sources=sources, statuses=statuses, finished=SimpleNamespace(has=lambda _: False))
    outbox = SimpleNamespace(
        flush=lambda: None, has_room=lambda _: True, send_message=lambda _, message, **__: made.sent.append(message)
    )
    parts: tuple[Any, ...] = (
        state,
        SimpleNamespace(unread=lambda since: 0),
        1000,
        1,
        ANYWHERE,
        tmp_path,
        outbox,
        Metrics(METRICS),
    )
    made.work = ChunkWork(*parts)
    made.work.assigned(Start(PARTITION, 0))
    yield made
    made.work.revoked(PARTITION)


def source(life: int) -> Source:
    return Source(source_id="a", kind="file", life=life, lives=(Life(life=life, began_ms=0),), url="/v", sample_fps=2.0)


def test_a_failure_is_said_in_the_life_in_force(desk: Desk) -> None:
    desk.sources["a"], desk.statuses["a"] = source(1), RUNNING
    assert desk.fail()
    (said,) = desk.sent
    assert isinstance(said, SourceStatus)
    assert (said.life, said.state) == (1, "failed")


def test_a_failure_in_a_life_that_has_just_ended_is_not_said(desk: Desk) -> None:
    desk.sources["a"], desk.statuses["a"] = source(1), RUNNING
    desk.unread["a"] = source(2)
    assert desk.fail()
    assert desk.sent == []


def test_a_chunk_that_fails_in_a_life_before_the_one_that_was_spoken_of_is_not_tried_for_ever(desk: Desk) -> None:
    desk.sources["a"], desk.statuses["a"] = source(1), msgspec.structs.replace(RUNNING, life=2)
    assert desk.fail()
    assert desk.sent == []


def test_a_failure_waits_for_its_owner_to_say_something_of_the_life(desk: Desk) -> None:
    desk.sources["a"] = source(1)
    assert not desk.fail(turns_seconds=0.3)
    desk.statuses["a"] = msgspec.structs.replace(RUNNING, state="waiting", plan=None)
    assert not desk.fail(turns_seconds=0.3), "its owner would forget the plan"
    desk.statuses["a"] = RUNNING
    assert desk.fail()
    assert len(desk.sent) == 1

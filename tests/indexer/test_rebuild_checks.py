"""When a rebuild has arrived, what it asks for of young cameras, and what it says while nothing comes."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from schemas.headers import EmbeddingHeaders
from schemas.limits import UNREAD_EMBEDDINGS_BULK
from schemas.messages import Life, Source
from schemas.topics import EMBEDDINGS_LIVE, HOUR_MS
from services.indexer import rebuild as rebuild_module
from services.indexer.asking import Asking
from services.indexer.beyond import Beginnings, Part
from services.indexer.core.settings import Smoothing
from services.indexer.filling import Missing
from services.indexer.rebuild import NEAR_RECORDS, Progress, why_quiet
from streaming.records import Partition

PLACE = Partition(EMBEDDINGS_LIVE.name, 0)
NOW_MS = 1_795_161_600_000
CAMERA = Source(source_id="cam", kind="camera", life=1, lives=(Life(life=1, began_ms=NOW_MS),), sample_fps=2.0)


class Stack:
    """A log, a stage that reads it, and a collection that is searched; each as `Progress` sees it."""

    def __init__(self) -> None:
        self.end = self.processed_to = 10
        self.settled = self.counted = 0

    def processed(self) -> dict[Partition, int]:
        return {PLACE: self.processed_to}

    def named(self) -> str:
        return "searched"

    def count(self, *_: str) -> int:
        """Count, while indexers go on and write rows of what comes just now."""
        self.counted += 1
        self.end += NEAR_RECORDS // 2
        return self.end


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a progress that looks whenever it is asked to, and what is around it."""
    monkeypatch.setattr(rebuild_module, "LOOK_SECONDS", 0.0)
    stack = Stack()
    registry = SimpleNamespace(sources=lambda: [CAMERA])
    missing = SimpleNamespace(
        registry=registry, statuses=SimpleNamespace(read_on=lambda _: None), default_days=30.0,
        of_files=lambda: (), of_cameras=lambda _: (), is_over=lambda _: False,
    )  # fmt: skip
    known: Any = stack
    outbox: Any = SimpleNamespace()
    return stack, Progress(lambda: {PLACE: stack.end}, lambda: 0, known, known, outbox, cast("Any", missing), Asking())


def test_what_is_searched_is_counted_before_the_log_is_read_to_its_end(looks: Any) -> None:
    stack, progress = looks
    progress.look()
    stack.settled += 1
    progress.look()
    assert stack.counted == 1
    assert [one.rows for one in progress.searched] == [stack.end]
    for _ in range(3):
        stack.settled += 1
        progress.look()
    assert not progress.arrived, "rows were counted whose records were not read yet"
    stack.processed_to = stack.end
    progress.look()
    assert not progress.arrived, "nor are they confirmed"
    stack.settled += 1
    stack.end += NEAR_RECORDS
    progress.look()
    assert progress.arrived
    assert stack.counted == 1


def test_a_camera_is_asked_for_from_before_its_life_began_as_far_as_clocks_may_differ() -> None:
    beginnings = Beginnings(Smoothing())
    beginnings.begins(5, 17)
    registry = SimpleNamespace(sources=lambda: [CAMERA], done=list)
    missing = Missing(cast("Any", registry), cast("Any", None), beginnings, set(), 30.0)
    parts = list(missing.of_cameras(NOW_MS + 1))
    assert parts[0].start_ms < NOW_MS - HOUR_MS
    assert parts[-1].end_ms == NOW_MS + 1
    assert len(parts) <= 8, "each costs something, also of a time when there was no camera"


def test_it_is_quiet_from_when_something_was_asked_for_and_until_something_comes() -> None:
    asking = Asking()
    assert asking.quiet_seconds(50.0) == 0.0
    asking.add([Part("s/1/c0", "s", 1, 0, 0, 10, 2.0)], 200.0)
    list(asking.due(100.0, 5, lambda _: False))
    assert asking.quiet_seconds(190.0) == 0.0, "it is not asked for yet"
    list(asking.due(200.0, 5, lambda _: False))
    assert asking.quiet_seconds(290.0) == 90.0
    asking.hear(EmbeddingHeaders(source_id="s", t_ms=0, stream="s/1/c0", run=5, seq=0, space="m@00000000", rebuild=True), 290.0)
    assert asking.quiet_seconds(291.0) == 1.0


def test_whoever_waits_in_vain_is_told_that_embedders_wait_for_indexers() -> None:
    assert "embedders wait for these" in why_quiet(UNREAD_EMBEDDINGS_BULK)
    assert "decoders or embedders are away" in why_quiet(UNREAD_EMBEDDINGS_BULK - 1)

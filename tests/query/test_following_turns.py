"""In what order files are confirmed whose rows Milvus shows, lacks, or will never have; without Kafka and Milvus."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pytest

from schemas.collection import CollectionSettings
from schemas.identity import chunk_stream, source_no
from schemas.messages import ChunkStatus, Plan, Source, SourceStatus, Span
from services.query.filters import Expression
from services.query.following import AGAIN_SOURCES, BATCH_SOURCES, Following
from services.query.readiness import Readiness
from services.query.source_writer import SourceWriter
from services.query.sources import SourceBook
from services.query.store import Collection, Consistency, Store
from streaming.errors import Unavailable
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from tests.query.corpus import file_source

SPACE: Final = "tiny-0@12345678"
NOBODY: Final = "127.0.0.1:1"
PROMISED: Final = 2


class Counting(Store):
    """Has so many rows of each source as `there` says, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(f"http://{NOBODY}")
        self.there: dict[int, int] = {}
        self.reads = 0
        self.is_away = False

    def collection(self) -> Collection:
        """Describe the collection."""
        settings = CollectionSettings(space=SPACE, sigma_seconds=1.0, cut_memory=8, cut_fixed_threshold=0.5, cut_deviations=6.0)
        return Collection("rows", settings)

    def matches(self, collection: str, expression: Expression) -> bool:
        """Say that there are rows."""
        return True

    def count(self, collection: str, expression: Expression, consistency: Consistency = "Strong") -> int:
        """Count the rows of the sources that an expression names."""
        self.reads += 1
        if self.is_away:
            raise Unavailable("Milvus does not answer")
        return sum(self.there.get(int(number), 0) for number in re.findall(r"source_no == (-?\d+)", expression))


class Asked:
    """A book of sources, the thread's part that confirms them, and a Milvus to ask."""

    def __init__(self) -> None:
        outbox, self.book, self.store = Outbox(NOBODY, "test", Metrics()), SourceBook(SPACE), Counting()
        self.following = Following(NOBODY, self.book, SourceWriter(outbox, self.book), self.store, outbox, Readiness(), 2.0)

    def add(self, names: Sequence[str], there: int, promised: int = PROMISED) -> list[Source]:
        """Let files be done, each with so many rows promised and there."""
        added = [file_source(name) for name in names]
        plan = Plan(
            life=1, fingerprint="f", duration_ms=1_000, sample_fps=2.0, seekable=True,
            chunks=(Span(index=0, start_ms=0, end_ms=1_000),),
        )  # fmt: skip
        self.book.follow_sources(added, dict.fromkeys(names, 0))
        self.book.follow_statuses(
            [SourceStatus(source_id=name, life=1, state="running", since_ms=0, plan=plan) for name in names]
        )
        self.book.follow_chunks(
            [
                ChunkStatus(stream=chunk_stream(name, 1, 0), source_id=name, life=1, index=0, space=SPACE, rows=promised)
                for name in names
            ]
        )
        self.store.there |= {source_no(name): there for name in names}
        return added

    def is_indexed(self, source: Source) -> bool:
        return self.book.view(source).state == "indexed"

    def reads_until(self, is_so: Callable[[], bool], most: int) -> int:
        """Ask as if a second had passed since the last time, until something is so; return how many reads that took."""
        before = self.store.reads
        while not is_so() and self.store.reads - before <= most:
            self.ask()
        return self.store.reads - before

    def ask(self) -> None:
        """Ask once, whatever the time is."""
        self.following._refill_at = self.following._ask_at = self.following._ping_at = 0.0
        self.following._ask()


@pytest.fixture
def asked() -> Iterator[Asked]:
    """Nothing is known yet."""
    made = Asked()
    yield made
    made.following.close()


def names(count: int, word: str = "old") -> list[str]:
    return [f"{word}-{number}" for number in range(count)]


def reads_of(count: int) -> int:
    """Return how many reads it takes to ask for each of a group that never adds up."""
    return 2 * count - 1


def test_files_that_lack_a_row_for_ever_hide_no_other_however_many_they_are(asked: Asked) -> None:
    asked.add(names(BATCH_SOURCES), there=1)
    (last,) = asked.add(["last"], there=PROMISED)
    most = reads_of(BATCH_SOURCES) + 1
    assert asked.reads_until(lambda: asked.is_indexed(last), most) == most


def test_a_file_that_is_done_later_waits_for_one_group_of_them_at_most(asked: Asked) -> None:
    asked.add(names(3 * BATCH_SOURCES), there=1)
    asked.reads_until(lambda: False, 10 * reads_of(BATCH_SOURCES))
    (late,) = asked.add(["late"], there=PROMISED)
    most = reads_of(AGAIN_SOURCES) + 1
    assert asked.reads_until(lambda: asked.is_indexed(late), most) <= most


def test_each_file_that_lacked_a_row_is_asked_for_again_in_turn(asked: Asked) -> None:
    count = 3 * BATCH_SOURCES
    old = asked.add(names(count), there=1)
    asked.reads_until(lambda: False, 10 * reads_of(BATCH_SOURCES))
    chosen = old[::150]
    asked.store.there |= {source_no(source.source_id): PROMISED for source in chosen}
    most = (count // AGAIN_SOURCES + 1) * reads_of(AGAIN_SOURCES)
    assert asked.reads_until(lambda: all(asked.is_indexed(source) for source in chosen), most) <= most
    assert not any(asked.is_indexed(source) for source in old if source not in chosen)


def test_an_index_that_was_lost_is_seen_in_one_read_a_group(asked: Asked) -> None:
    asked.add(names(BATCH_SOURCES), there=0)
    (last,) = asked.add(["last"], there=PROMISED)
    assert asked.reads_until(lambda: asked.is_indexed(last), 2) == 2


def test_a_file_without_rows_is_indexed_though_no_other_row_is_there(asked: Asked) -> None:
    asked.add(names(BATCH_SOURCES - 1), there=0)
    (empty,) = asked.add(["empty"], there=0, promised=0)
    assert asked.reads_until(lambda: asked.is_indexed(empty), 20) <= 20


def test_files_whose_rows_are_all_there_take_one_read_together(asked: Asked) -> None:
    new = asked.add(names(BATCH_SOURCES, "new"), there=PROMISED)
    assert asked.reads_until(lambda: all(asked.is_indexed(source) for source in new), 1) == 1


def test_what_milvus_did_not_answer_is_asked_again_before_any_other(asked: Asked) -> None:
    asked.add(names(3 * BATCH_SOURCES), there=1)
    asked.reads_until(lambda: False, 10 * reads_of(BATCH_SOURCES))
    asked.reads_until(lambda: not asked.following._unsure, reads_of(AGAIN_SOURCES))
    (late,) = asked.add(["late"], there=PROMISED)
    asked.store.is_away = True
    asked.ask()
    asked.store.is_away = False
    assert asked.reads_until(lambda: asked.is_indexed(late), 1) == 1

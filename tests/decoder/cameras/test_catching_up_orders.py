"""Spans as they are dealt and done: by orders of their own and of owners before, a part after the other, or not at all."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from schemas.identity import recut_stream
from schemas.messages import ChunkStatus, Life, Recut, Source
from schemas.recordings import JournalLine, Segment, life_folder
from services.decoder import metrics as m
from services.decoder.cameras import catching_up, looking
from services.decoder.cameras.capture import Capture
from services.decoder.cameras.catching_up import CatchingUp
from services.decoder.cameras.spans import Fence
from services.decoder.dealing import Dealer
from services.decoder.finished import Finished
from services.decoder.reruns import Reruns
from streaming.metrics import Metrics
from streaming.state import StateTopic

BEGIN_MS = 1_763_625_600_000
SOURCE = Source(source_id="captured-z", kind="camera", life=1, lives=(Life(life=1, began_ms=0),), sample_fps=1.0)


class Told:
    """Stands in for the topic `chunk-status`: what is said is heard at the next poll."""

    def __init__(self) -> None:
        self.values: dict[str, ChunkStatus] = {}
        self._unheard: list[ChunkStatus] = []

    def say(self, status: ChunkStatus) -> None:
        self.values[f"{status.space}/{status.stream}"] = status
        self._unheard.append(status)

    def poll(self) -> list[ChunkStatus]:
        heard, self._unheard = self._unheard, []
        return heard


class Captured:
    """Stands in for a capture that has begun a run, and notes what it is to say."""

    source = SOURCE
    fence = first_fence = Fence(2, 5, 1_000)

    def __init__(self) -> None:
        self.catches_up: bool | None = None
        self.notices: list[str] = []

    def catch_up(self, *, catches_up: bool, notices: Sequence[str] = ()) -> None:
        self.catches_up = catches_up
        self.notices += notices


class Owner:
    """An owner of the camera, with what it has dealt and not heard of yet: first and last second of each order."""

    def __init__(self, media: Path, told: Told, *lost: tuple[int, int]) -> None:
        self._told, self.captured, self.metrics = told, Captured(), Metrics(m.METRICS)
        self._finished, self._dealer = Finished(cast("StateTopic[ChunkStatus]", told), ()), Dealer(1_000, 24)
        recuts = [Recut(topic="frames-live", partition=5, first_offset=first, last_offset=last) for first, last in lost]
        self._catching_up = CatchingUp("127.0.0.1:1", media, self._finished, self._dealer, self.metrics, recuts)
        self.dealt: list[tuple[int, int]] = []

    def turn(self) -> None:
        for status in self._finished.follow():
            self._catching_up.done(status)
        self._catching_up.follow({SOURCE.source_id: cast("Capture", self.captured)})
        for deal in self._dealer.deal():
            chunk = self._catching_up.chunk(deal.source_id, deal.index, Reruns())
            assert chunk is not None
            self.dealt.append(((chunk.start_ms - BEGIN_MS) // 1000, (chunk.end_ms - 1 - BEGIN_MS) // 1000))

    def until(self, seen: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not seen():
            assert time.monotonic() < deadline, (self.dealt, self.captured.catches_up, self.captured.notices)
            self.turn()
            time.sleep(0.01)

    def deals(self, *orders: tuple[int, int]) -> None:
        """Wait for these orders, and no others."""
        self.until(lambda: len(self.dealt) >= len(orders))
        assert self.dealt == list(orders)
        self.dealt.clear()

    def rests(self) -> None:
        self.until(lambda: self.captured.catches_up is False)
        assert self.dealt == []

    @property
    def missed(self) -> float:
        return float(self.metrics.of(m.MISSED)._value.get())


def done(first: int, rows: int) -> ChunkStatus:
    """Say that of an order that begins at a second so many samples in a row have become rows."""
    stream = recut_stream(SOURCE.source_id, 1, BEGIN_MS + 1000 * first)
    last_ms = BEGIN_MS + 1000 * (first + rows - 1) if rows else None
    return ChunkStatus(stream=stream, source_id=SOURCE.source_id, life=1, index=0, space="tiny", rows=rows, last_t_ms=last_ms)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A minute of one run, all of it on Kafka at offsets that are its seconds."""
    monkeypatch.setattr(catching_up, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(catching_up, "UNRIPE_SECONDS", 0.0)
    write_journal(tmp_path, [JournalLine(BEGIN_MS + 1000 * n, 1, n, 1000 * n, 5, n) for n in range(60)])
    return tmp_path


def write_journal(media: Path, lines: Sequence[JournalLine]) -> None:
    segment = Segment(BEGIN_MS, 1)
    day = media / life_folder(SOURCE.source_id, 1) / segment.day
    day.mkdir(parents=True, exist_ok=True)
    (day / segment.name).touch()
    (day / segment.journal_name).write_text("".join(line.text() for line in lines))


def test_an_order_of_the_same_name_that_was_cut_shorter_does_not_count_for_what_comes_after_it(media: Path, told: Told) -> None:
    Owner(media, told, (10, 19)).deals((10, 19))
    owner = Owner(media, told, (10, 19), (10, 29))
    owner.deals((10, 29))
    told.say(done(10, 10))  # the order of the owner before, which was the first in its partition
    owner.deals((20, 29))
    told.say(done(20, 10))
    owner.rests()
    assert owner.captured.notices == []


def test_where_the_film_breaks_off_the_rest_is_dealt_once_more_and_told_once(media: Path, told: Told) -> None:
    owner = Owner(media, told, (10, 19))
    owner.deals((10, 19))
    told.say(done(10, 7))
    owner.deals((17, 19))
    told.say(done(17, 0))
    owner.rests()
    said = "not caught up from 2025-11-20T08:00:17Z to 2025-11-20T08:00:19Z, 3 samples: not recorded, or not any more"
    assert owner.captured.notices == [said]


def test_what_is_done_while_its_owner_looks_is_not_waited_for(media: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order of an owner before may be done at any time."""
    look = looking.look

    def slow_look(question: looking.Question, media: Path, kafka: str) -> looking.Found:
        found = look(question, media, kafka)
        if not question.done:
            told.say(done(10, 10))
            time.sleep(0.2)  # in which the owner hears of it
        return found

    monkeypatch.setattr(catching_up, "look", slow_look)
    owner = Owner(media, told, (10, 19))
    owner.rests()
    owner.until(lambda: owner.missed == 0)


def test_of_a_long_outage_a_part_is_dealt_after_the_other_and_all_of_it_counts_as_missed(
    media: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_AT_ONCE", 40)
    owner = Owner(media, told, (10, 14), (20, 24), (30, 34), (40, 44))
    owner.deals((10, 14), (20, 24))
    assert (owner.missed, owner.captured.catches_up) == (20, True)
    told.say(done(10, 5))
    owner.turn()
    assert (owner.missed, owner.dealt) == (15, [])
    told.say(done(20, 5))
    owner.deals((30, 34), (40, 44))
    assert (owner.missed, owner.captured.catches_up) == (10, True)
    told.say(done(30, 5))
    told.say(done(40, 5))
    owner.rests()
    assert (owner.missed, owner.captured.notices) == (0, [])


def test_a_span_that_cannot_be_decoded_for_now_does_not_hold_up_the_rest(
    media: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MOST_AT_ONCE", 30)
    monkeypatch.setattr(catching_up, "DEAL_AGAIN_SECONDS", 0.5)
    owner = Owner(media, told, (10, 14), (20, 24), (30, 34))
    owner.deals((10, 14), (20, 24))
    told.say(done(20, 5))
    owner.until(lambda: (30, 34) in owner.dealt)
    assert (10, 14) not in owner.dealt, "it has had its turn, and as much as is dealt at once may be stuck"
    told.say(done(30, 5))
    owner.until(lambda: (10, 14) in owner.dealt)


def test_what_may_be_in_the_index_is_not_said_to_be_missing_from_it(
    media: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "read_passage", lambda *_: iter(()))  # all of it has left the log
    unheard = JournalLine(BEGIN_MS + 59_000, 1, 59, 59_000)
    write_journal(media, [*(JournalLine(BEGIN_MS + 1000 * n, 1, n, 1000 * n, 5, n) for n in range(59)), unheard])
    owner = Owner(media, told)
    owner.deals((59, 59))
    told.say(done(59, 0))
    owner.until(lambda: bool(owner.captured.notices))
    assert owner.captured.notices[0].endswith("1 sample: not recorded, or not any more; whether it is in the index nobody knows")

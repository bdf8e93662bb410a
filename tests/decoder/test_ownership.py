"""The owner of a source has the last word on it: what others say in lives that are over is put right, and ends nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from schemas.identity import chunk_stream
from schemas.messages import Chunk, Life, Message, Plan, Source, SourceRequest, SourceStatus, Span, Wanted, decode
from schemas.topics import SOURCE_STATUS
from services.decoder.cameras.capture import Surroundings
from services.decoder.cameras.fleet import Fleet
from services.decoder.dealing import Dealer
from services.decoder.inspection import Inspected, Result
from services.decoder.metrics import METRICS
from services.decoder.ownership import CORRECT_SECONDS, LOST, Ownership
from services.decoder.state import Statuses
from streaming.metrics import Metrics
from streaming.records import Partition
from streaming.secrets import SecretStore
from streaming.stage import Start

SPANS = (Span(index=0, start_ms=0, end_ms=60_000), Span(index=1, start_ms=60_000, end_ms=120_000))
PLAN = Plan(life=2, fingerprint="f", duration_ms=120_000, sample_fps=2.0, seekable=True, chunks=SPANS)
PLANNED = SourceStatus(source_id="a", life=2, state="running", since_ms=5, plan=PLAN)
FAILED = SourceStatus(source_id="a", life=1, state="failed", since_ms=9, error="a worker of the life before")
FOUND = Inspected("f", 3_600_000, seekable=True)


@dataclass
class Topic:
    """A compacted topic of this process alone; `poll` tells what has come."""

    values: dict[str, Any] = field(default_factory=dict)
    coming: list[Any] = field(default_factory=list)
    between: list[Any] = field(default_factory=list)

    @property
    def partition_of(self) -> dict[str, int]:
        return dict.fromkeys(self.values, 0)

    def put(self, message: Any) -> None:
        self.values[message.source_id] = message
        self.coming.append(message)

    def poll(self) -> list[Any]:
        coming, self.coming = self.coming, []
        return coming

    read_to_end = poll

    def read_on(self, deadline_seconds: float) -> None:
        """Read what has come in between."""
        assert deadline_seconds > 0
        self.coming += self.between
        self.values |= {message.source_id: message for message in self.between}
        self.between = []


@dataclass
class Bus:
    """Takes what the owner and its captures say; what they say of sources comes back to them."""

    statuses: Topic
    said: list[SourceStatus] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)
    answers: int = 0

    def offer(self, topic: str, value: bytes, **_: Any) -> bool:
        if topic == SOURCE_STATUS.name:
            self._hear(decode(value, SourceStatus))
        return True

    def send_message(self, _: str, message: Message, **__: Any) -> None:
        if isinstance(message, SourceStatus):
            self._hear(message)
        else:
            self.others.append(message)

    def _hear(self, status: SourceStatus) -> None:
        self.said.append(status)
        self.statuses.put(status)


@dataclass
class Owner:
    """The owner of the only partition, and all that is around it."""

    folder: Path
    sources: Topic = field(default_factory=Topic)
    statuses: Topic = field(default_factory=Topic)
    done: set[str] = field(default_factory=set)
    results: list[tuple[Source, Result]] = field(default_factory=list)
    bus: Bus = field(init=False)
    stage: Ownership = field(init=False)
    began_at: float = field(init=False)

    def begin(self) -> None:
        """Read what was said until now and take over the partition."""
        self.bus = Bus(self.statuses)
        topic, metrics = Statuses(cast("Any", self.statuses)), Metrics(METRICS)
        topic.read_to_end()
        nothing = SimpleNamespace(poll=list)
        finished = SimpleNamespace(follow=list, has=self.done.__contains__)
        state = SimpleNamespace(sources=self.sources, statuses=topic, recuts=nothing, earlier_recuts=(), finished=finished)
        inspector = SimpleNamespace(start=lambda _: None, forget=lambda _: None, results=self._inspected)
        nobody = SimpleNamespace(follow=lambda _: None, done=lambda _: None, recut=lambda _: None, chunk=lambda *_: None)
        around = Surroundings(cast("Any", self.bus), metrics, SecretStore(self.folder), (), self.folder)
        parts: tuple[Any, ...] = (state, Dealer(64, 24), inspector, Fleet(around), nobody, self.bus, metrics)
        self.stage = Ownership(*parts)
        self.stage.assigned(Start(Partition("sources", 0), 0))
        self.began_at = time.monotonic()

    def turn(self) -> None:
        """Turn the loop once."""
        self.stage.follow()
        self.stage.step()

    def pass_time(self, seconds: float) -> None:
        """Hear what has come, so long after the partition was given, and answer it."""
        self.stage.follow()
        self.stage._correct(self.began_at + seconds)

    def within(self, seconds: float, what: Callable[[], object]) -> None:
        """Turn the loop until `what` is true."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.bus.said
            self.turn()
            time.sleep(0.02)

    def _inspected(self) -> list[tuple[Source, Result]]:
        results, self.results = self.results, []
        return results


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


def file(life: int = 2, wanted: Wanted = "running") -> Source:
    return Source(source_id="a", kind="file", life=life, lives=(), url="/a.mp4", sample_fps=2.0, wanted=wanted)


def camera(wanted: Wanted) -> Source:
    lives = (Life(life=2, began_ms=0),)
    url = "rtsp://127.0.0.1:9/none"
    return Source(source_id="a", kind="camera", life=2, lives=lives, url=url, sample_fps=1.0, record=False, wanted=wanted)


def dealt(owner: Owner) -> list[int]:
    return [message.index for message in owner.bus.others if isinstance(message, Chunk)]


def test_a_late_word_of_the_life_before_is_answered_with_the_status_that_it_hides(owner: Owner) -> None:
    owner.sources.put(file())
    owner.statuses.put(PLANNED)
    owner.begin()
    owner.turn()
    owner.statuses.put(FAILED)
    owner.within(2 * CORRECT_SECONDS, lambda: owner.bus.said)
    assert owner.bus.said == [PLANNED]
    owner.turn()
    assert dealt(owner) == [0, 1], "once, and what the life before has failed with drops nothing"


def test_a_flood_of_late_words_is_answered_once_a_second_and_the_answer_ends_it(owner: Owner) -> None:
    owner.sources.put(file())
    owner.statuses.put(PLANNED)
    owner.begin()
    for moment in range(1000):
        owner.statuses.put(msgspec.structs.replace(FAILED))
        owner.pass_time(moment / 100)
    owner.pass_time(10.0)
    said = len(owner.bus.said)
    assert 9 <= said <= 11
    for moment in range(10, 20):
        owner.pass_time(float(moment))
    assert len(owner.bus.said) == said


def test_a_late_word_that_an_owner_before_has_not_answered_is_answered_by_the_next(owner: Owner) -> None:
    owner.sources.put(file())
    for status in (PLANNED, FAILED):
        owner.statuses.put(status)
    owner.begin()
    owner.turn()
    assert dealt(owner) == [0, 1], "by the plan that was said"
    owner.within(2 * CORRECT_SECONDS, lambda: owner.bus.said)
    assert owner.bus.said == [PLANNED]


def test_who_does_not_know_the_life_yet_and_who_does_not_own_the_source_answer_nothing(owner: Owner) -> None:
    owner.sources.put(msgspec.structs.replace(file(), life=1, wanted="paused"))
    owner.statuses.put(msgspec.structs.replace(FAILED, state="paused"))
    for status in (PLANNED, FAILED):
        owner.statuses.put(status)
    owner.begin()
    owner.bus.said.clear()  # it says that life 1 is paused, as it should be for all that it knows
    owner.pass_time(0.0)
    owner.pass_time(2.0)
    owner.stage.revoked(Partition("sources", 0))
    owner.sources.put(file())
    owner.pass_time(4.0)
    assert owner.bus.said == []


@pytest.mark.parametrize("known", ["running", "paused"])
def test_a_camera_that_rests_is_said_to_rest_again_with_all_that_was_known_of_it(owner: Owner, known: str) -> None:
    before = msgspec.convert({"source_id": "a", "life": 2, "state": known, "since_ms": 5, "run": 1_700_000_000_000}, SourceStatus)
    owner.sources.put(camera("paused"))
    owner.statuses.put(before)
    owner.begin()
    owner.turn()
    owner.bus.said.clear()
    owner.statuses.put(msgspec.structs.replace(FAILED, state="waiting", run=1_800_000_000_000))
    owner.within(2 * CORRECT_SECONDS, lambda: owner.bus.said)
    (again,) = owner.bus.said
    assert (again.life, again.state, again.run) == (2, "paused", before.run)


def test_a_camera_that_is_captured_says_its_state_again_after_a_late_word(owner: Owner) -> None:
    owner.sources.put(camera("running"))
    owner.begin()
    owner.within(5, lambda: len(owner.bus.said) == 2)
    owner.statuses.put(msgspec.structs.replace(FAILED, state="waiting"))
    owner.within(15, lambda: owner.statuses.values["a"].life == 2)
    assert owner.bus.said[1:] == [owner.bus.said[1]] * 2, "that it is away, and why, which is no news"
    owner.sources.put(msgspec.structs.replace(camera("running"), wanted="removed"))
    owner.turn()


def test_a_file_whose_plan_is_lost_is_not_planned_anew_in_a_life_of_which_chunks_are_done(owner: Owner) -> None:
    owner.sources.put(file())
    owner.statuses.put(FAILED)  # all that the compacted topic still says
    owner.done.add(chunk_stream("a", 2, 1))
    owner.begin()
    owner.results.append((file(), FOUND))
    owner.turn()
    newest = owner.bus.said[-1]
    assert (newest.state, newest.error, newest.plan) == ("waiting", LOST, None)
    (asked,) = owner.bus.others
    assert isinstance(asked, SourceRequest)
    assert (asked.reason, asked.life) == ("changed_file", 2)
    owner.sources.put(file(life=3))
    owner.turn()
    owner.results.append((file(life=3), FOUND))
    owner.turn()
    plan = owner.bus.said[-1].plan
    assert plan is not None, "in the life that query begins for it"
    assert dealt(owner) == list(range(len(plan.chunks)))


def test_a_plan_that_was_said_just_before_it_is_missed_is_gone_on_with(owner: Owner) -> None:
    owner.sources.put(file())
    owner.done.add(chunk_stream("a", 2, 1))
    owner.begin()
    owner.statuses.between.append(msgspec.structs.replace(PLANNED, since_ms=1 << 50))
    owner.results.append((file(), FOUND))
    owner.turn()
    assert not [one for one in owner.bus.others if isinstance(one, SourceRequest)]
    assert dealt(owner) == [0]


def test_a_worker_that_has_not_read_the_plan_yet_does_not_make_its_owner_forget_it(owner: Owner) -> None:
    owner.sources.put(file())
    owner.statuses.put(PLANNED)
    owner.begin()
    owner.turn()
    owner.statuses.put(msgspec.structs.replace(PLANNED, state="failed", error="cut off", since_ms=9, plan=None))
    owner.turn()
    newest = owner.bus.said[-1]
    assert (newest.state, newest.error, newest.plan) == ("failed", "cut off", PLAN)


def test_a_plan_that_the_owner_before_has_said_last_is_kept_though_it_is_heard_late(owner: Owner) -> None:
    owner.sources.put(file())
    owner.begin()
    assert owner.bus.said[-1].state == "waiting"
    owner.statuses.put(PLANNED)
    owner.turn()
    assert (owner.bus.said[-1].state, owner.bus.said[-1].plan) == ("waiting", PLAN)
    owner.done.add(chunk_stream("a", 2, 0))
    owner.results.append((file(), FOUND))
    owner.turn()
    assert (owner.bus.said[-1].state, owner.bus.said[-1].plan, dealt(owner)) == ("running", PLAN, [1])

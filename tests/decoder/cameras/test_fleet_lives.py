"""A capture whose life is over says nothing more, though it takes a while to end; what it has said late ends no other."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from schemas.messages import Life, Source, SourceStatus, decode
from schemas.networks import parse_networks
from schemas.topics import SOURCE_STATUS
from services.decoder.cameras.capture import Surroundings
from services.decoder.cameras.fleet import Fleet
from services.decoder.metrics import METRICS
from streaming.metrics import Metrics
from streaming.secrets import SecretStore

NOWHERE = "rtsp://127.0.0.1:9/none"
LATE = SourceStatus(source_id="a", life=1, state="waiting", since_ms=9, run=7)


@dataclass
class Heard:
    """An outbox that keeps the statuses that it is offered."""

    answers: int = 0
    statuses: list[SourceStatus] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)

    def offer(self, topic: str, value: bytes, **_: Any) -> bool:
        if topic == SOURCE_STATUS.name:
            self.statuses.append(decode(value, SourceStatus))
            self.begun.set()
        return True


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def fleet(heard: Heard, tmp_path: Path) -> Iterator[Fleet]:
    networks = parse_networks(["127.0.0.0/8"])
    made = Fleet(Surroundings(cast("Any", heard), Metrics(METRICS), SecretStore(tmp_path), networks, tmp_path))
    yield made
    made.close()


def camera(life: int = 2, **more: Any) -> Source:
    lives = (Life(life=life, began_ms=0),)
    source = Source(source_id="a", kind="camera", life=life, lives=lives, url=NOWHERE, sample_fps=1.0, record=False)
    return msgspec.structs.replace(source, **more)


def test_a_capture_that_is_dropped_says_nothing_more_though_it_has_not_ended(fleet: Fleet, heard: Heard) -> None:
    fleet.take(camera(), None, told=False)
    assert heard.begun.wait(5)
    capture = fleet.captures["a"]
    fleet.drop("a")
    said = len(heard.statuses)
    capture._down("it is away")
    assert len(heard.statuses) == said


def test_a_capture_that_ends_otherwise_and_is_dropped_then_says_nothing_more(fleet: Fleet, heard: Heard) -> None:
    fleet.take(camera(), None, told=False)
    assert heard.begun.wait(5)
    capture = fleet.captures["a"]
    fleet.take(camera(wanted="paused"), None, told=False)
    fleet.drop("a")
    said = len(heard.statuses)
    capture._down("it is away")
    assert len(heard.statuses) == said


@pytest.mark.parametrize(
    ("change", "is_silent"), [({"life": 3}, True), ({"wanted": "removed"}, True), ({"sample_fps": 2.0}, False)]
)
def test_a_lost_camera_says_nothing_more_once_its_life_is_over(
    fleet: Fleet, heard: Heard, change: dict[str, Any], *, is_silent: bool
) -> None:
    fleet.take(camera(), None, told=False)
    assert heard.begun.wait(5)
    capture = fleet.captures["a"]
    fleet.keep(["a"])
    fleet.reconsider(camera(**change))
    assert capture._voice.run_end(1) != is_silent


def test_a_capture_speaks_up_when_a_life_that_is_over_hides_its_state_and_takes_no_run_of_that(
    fleet: Fleet, heard: Heard
) -> None:
    fleet.take(camera(), None, told=False)
    assert heard.begun.wait(5)
    capture = fleet.captures["a"]

    def is_to_speak_up() -> bool:
        return capture._speaks_up_at is not None

    fleet.hear(camera(), LATE)
    assert not is_to_speak_up()
    fleet.say_again(camera(), heard.statuses[-1])
    assert is_to_speak_up()
    assert capture._heard_run == 0
    assert not capture.is_contested, "it would not be captured on if it were lost now"
    fleet.drop("a")


def test_of_a_camera_that_is_lost_nothing_is_said_again(fleet: Fleet, heard: Heard) -> None:
    known = SourceStatus(source_id="a", life=2, state="paused", since_ms=1)
    fleet.say_again(camera(), known)
    fleet.say_again(camera(wanted="removed"), known)
    assert heard.statuses == []

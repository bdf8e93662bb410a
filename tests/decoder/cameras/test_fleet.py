"""Captures end and follow each other without holding the loop, whatever their cameras do."""

import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.messages import Life, Source, SourceStatus, Wanted
from schemas.networks import parse_networks
from services.decoder.cameras.capture import Capture, Surroundings
from services.decoder.cameras.fleet import END_SECONDS, Fleet
from services.decoder.metrics import METRICS
from streaming.metrics import Metrics
from streaming.outbox import Outbox
from streaming.secrets import SecretStore

CAMERAS = 8


class Hung:
    """Listens like a camera that hangs: it takes connections and never answers."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        self.url = f"rtsp://127.0.0.1:{self._listening.getsockname()[1]}/live"

    def connections(self) -> int:
        """Take who has connected; return how many there were."""
        while select.select([self._listening], [], [], 0)[0]:
            self._taken.append(self._listening.accept()[0])
        return len(self._taken)

    def close(self) -> None:
        """Hang up, which ends captures that still wait."""
        for connection in (self._listening, *self._taken):
            connection.close()


@pytest.fixture
def hung() -> Iterator[Hung]:
    camera = Hung()
    yield camera
    camera.close()


@pytest.fixture
def other() -> Iterator[Hung]:
    camera = Hung()
    yield camera
    camera.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Make a fleet without a bus: what it says is dropped."""
    metrics, networks = Metrics(METRICS), parse_networks(["127.0.0.0/8"])
    outbox = Outbox("127.0.0.1:1", "test", metrics)
    return Fleet(Surroundings(outbox, metrics, SecretStore(tmp_path / "secrets"), networks, tmp_path / "media"))


def camera(number: int, url: str, *, wanted: Wanted = "running", life: int = 1) -> Source:
    lives = (Life(life=1, began_ms=0),)
    return Source(source_id=f"cam-{number}", kind="camera", life=life, lives=lives, url=url, sample_fps=1.0, wanted=wanted)


def within(fleet: Fleet, seconds: float, what: Callable[[], bool]) -> float:
    """Turn the loop until `what` is true; return after how long."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "not in time"
        fleet.watch()
        time.sleep(0.01)
    return time.monotonic() - began


def test_cameras_that_hang_are_removed_one_by_one_without_a_wait(fleet: Fleet, hung: Hung) -> None:
    for number in range(CAMERAS):
        fleet.take(camera(number, hung.url), None, told=True)
    within(fleet, 5, lambda: hung.connections() == CAMERAS)
    began = time.monotonic()
    for number in range(CAMERAS):
        fleet.drop(f"cam-{number}")
        fleet.watch()
    assert time.monotonic() - began < END_SECONDS / 2
    assert not fleet.captures


def test_what_is_wanted_next_begins_when_the_time_of_the_one_before_is_up(fleet: Fleet, hung: Hung, other: Hung) -> None:
    fleet.take(camera(1, hung.url), None, told=True)
    within(fleet, 5, lambda: hung.connections() == 1)
    began = time.monotonic()
    fleet.take(camera(1, hung.url, wanted="paused"), None, told=True)
    fleet.take(camera(1, other.url, life=2), None, told=True)
    assert time.monotonic() - began < END_SECONDS / 2
    assert within(fleet, 5, lambda: other.connections() == 1) > END_SECONDS / 2
    assert fleet.captures["cam-1"].source.life == 2
    fleet.drop("cam-1")


def test_cameras_of_another_owner_are_silent_when_they_are_given_away(fleet: Fleet, hung: Hung) -> None:
    for number in range(CAMERAS):
        fleet.take(camera(number, hung.url), None, told=True)
    within(fleet, 5, lambda: hung.connections() == CAMERAS)
    fleet.drop("cam-0")
    captures = list(fleet.captures.values())
    began = time.monotonic()
    fleet.forget([f"cam-{number}" for number in range(CAMERAS)])
    assert time.monotonic() - began < 2 * END_SECONDS
    assert not fleet.captures
    assert all(is_silent(capture) for capture in captures)


def test_a_camera_that_was_lost_and_comes_back_has_the_same_capture(fleet: Fleet, hung: Hung) -> None:
    source = camera(1, hung.url)
    fleet.take(source, None, told=False)
    capture = fleet.captures["cam-1"]
    fleet.keep(["cam-1"])
    assert not fleet.captures, "nothing is caught up or said for it as its owner"
    fleet.reconsider(source)
    fleet.watch()
    fleet.take(source, None, told=False)
    assert fleet.captures["cam-1"] is capture
    assert not is_silent(capture)
    fleet.drop("cam-1")


@pytest.mark.parametrize("wanted", ["paused", "removed"])
def test_a_camera_that_was_lost_and_is_wanted_otherwise_is_captured_no_more(fleet: Fleet, hung: Hung, wanted: Wanted) -> None:
    fleet.take(camera(1, hung.url), None, told=False)
    capture = fleet.captures["cam-1"]
    fleet.keep(["cam-1"])
    fleet.reconsider(camera(1, hung.url, wanted=wanted))
    within(fleet, 5, lambda: is_silent(capture))


def test_a_camera_that_was_lost_ends_when_another_speaks_for_it(fleet: Fleet, hung: Hung) -> None:
    fleet.take(camera(1, hung.url), None, told=False)
    capture = fleet.captures["cam-1"]
    fleet.keep(["cam-1"])
    fleet.overhear(said_by_another())
    within(fleet, 5, lambda: is_silent(capture))


def test_what_was_said_of_an_earlier_life_ends_nothing_that_was_lost(fleet: Fleet, hung: Hung) -> None:
    source = camera(1, hung.url, life=2)
    fleet.take(source, None, told=False)
    capture = fleet.captures["cam-1"]
    fleet.keep(["cam-1"])
    fleet.overhear(said_by_another())
    assert fleet.keeps(["cam-1"])
    assert not is_silent(capture)
    fleet.drop("cam-1")


def test_a_camera_that_another_has_spoken_for_ends_when_it_is_lost(fleet: Fleet, hung: Hung) -> None:
    source = camera(1, hung.url)
    fleet.take(source, None, told=False)
    capture = fleet.captures["cam-1"]
    fleet.hear(source, said_by_another())
    fleet.keep(["cam-1"])
    assert is_silent(capture)


def test_what_was_kept_ends_with_the_process_and_so_does_what_is_ending(fleet: Fleet, hung: Hung) -> None:
    for number in (1, 2):
        fleet.take(camera(number, hung.url), None, told=False)
    captures = list(fleet.captures.values())
    fleet.keep(["cam-1", "cam-2"])
    fleet.overhear(said_by_another())
    fleet.close()
    assert all(is_silent(capture) for capture in captures)


def said_by_another() -> SourceStatus:
    return SourceStatus(source_id="cam-1", life=1, state="waiting", since_ms=1)


def is_silent(capture: Capture) -> bool:
    return not capture._voice.run_end(1)

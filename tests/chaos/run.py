"""One run: work, faults, drain, comparison."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc  # type: ignore[import-untyped]
from pymilvus import MilvusException

from encoders.address import load
from framebus.demo.camera import CameraServer
from framebus.local.space import space_of
from schemas.groups import Lane, embedder_group, indexer_group
from schemas.topics import LANES
from streaming.errors import Unavailable
from streaming.lag import Lag, Reading
from tests.chaos.faults import Fault
from tests.chaos.films import Film, camera
from tests.chaos.fleet import WORKERS, Fleet, Ground
from tests.chaos.observer import Observer, Watched, repeated
from tests.chaos.ordeal import Ordeal
from tests.chaos.processes import until
from tests.chaos.stalls import longest_stall_seconds
from tests.chaos.table import Report
from tests.chaos.truth import CAMERAS, FILES, Truth
from tests.chaos.work import Work

BEGUN_SECONDS: Final = 120.0
NEXT_FAULT_SECONDS: Final = 180.0
"""How long a fault may wait for somebody whom it can fall on: whoever is not back by then is not coming back."""
TURN_SECONDS: Final = 0.05
LATELY_MS: Final = 5000
"""A sample that is younger may still be on its way."""
BOTH: Final[tuple[Lane, ...]] = ("live", "bulk")


@dataclass(frozen=True)
class Plan:
    """What a run is made of. `name` keeps the sources of runs on the same ground apart."""

    seed: int
    kills: int
    faults: Sequence[Fault]
    films: Sequence[Film]
    encoder: Path
    cameras: int = 2
    workers: Mapping[str, int] = field(default_factory=lambda: WORKERS)
    modules: Mapping[str, str] = field(default_factory=dict)
    catch_up_seconds: float = 120.0
    """How long cameras may take to catch up with what the bus missed of them."""
    drain_seconds: float = 300.0
    name: str = "chaos"


def run(ground: Ground, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Run a fleet through all faults; return what the index holds in the end beside what it must hold."""
    with ExitStack() as running:
        fleet = running.enter_context(Fleet(ground, plan.encoder, plan.workers, plan.modules))
        scenes = {f"{plan.name}-camera-{number}": camera(number) for number in range(1, plan.cameras + 1)}
        server = running.enter_context(CameraServer(scenes))
        work = Work(fleet.client, plan.films, {name: server.url(name) for name in scenes}, f"{plan.name}-film")
        watched = {CAMERAS: Watched(f"{plan.name}-camera", work.cameras_run)}
        if plan.films:
            watched[FILES] = Watched(f"{plan.name}-film", work.files_wait)
        observer = running.enter_context(closing(Observer(ground.milvus, watched)))
        running.enter_context(repeated(0.5, work.turn))
        running.enter_context(repeated(1.0, observer.look))
        return _Run(plan, fleet, work, observer, Truth(ground, work, load(str(plan.encoder), threads=1)), tell).report()


@dataclass
class _Run:
    plan: Plan
    fleet: Fleet
    work: Work
    observer: Observer
    truth: Truth
    tell: Callable[[str], None]

    def report(self) -> Report:
        report = Report(self.plan.seed, self.plan.kills)
        if not until(self._has_begun, BEGUN_SECONDS):
            report.unfinished = ["no rows of files and cameras before the first fault"]
            return report
        ordeal = Ordeal(self.fleet, self.truth.ground, self.plan.faults, self.tell)
        undone = self._suffer(ordeal)
        began = time.monotonic()
        report.unfinished = [*undone, *self._drain()]
        report.drain_seconds = time.monotonic() - began
        report.rows, report.notes = self.truth.differences(), self.truth.notes()
        report.faults, report.sources = ordeal.done, len(self.work.added) + len(self.work.cameras)
        report.stalls = {name: longest_stall_seconds(looks) for name, looks in self.observer.looks.items()}
        report.ended = [*self.fleet.watch.ended, *ordeal.complaints, *self.fleet.stop()]
        return report

    def _has_begun(self) -> bool:
        self.fleet.look()
        return self.work.has_begun() and self.observer.all_have_rows()

    def _suffer(self, ordeal: Ordeal) -> list[str]:
        coming, since = ordeal.next, time.monotonic()
        while not ordeal.is_over:
            ordeal.turn()
            if ordeal.next is not coming:
                coming, since = ordeal.next, time.monotonic()
            if time.monotonic() - since > NEXT_FAULT_SECONDS:
                return [f"{coming.kind} {coming.target} found nobody to fall on" if coming else "a process did not come back"]
            time.sleep(TURN_SECONDS)
        return []

    def _drain(self) -> list[str]:
        """Wait until everything is done; return what was not done in time."""
        self.work.add_no_more()
        # Nothing is caught up of a camera that is paused: all of them run until what was recorded before this has rows.
        until_ms = time.time_ns() // 1_000_000 - LATELY_MS
        until(lambda: self._beside(lambda: self.truth.is_caught_up(until_ms)), self.plan.catch_up_seconds, pause_seconds=1.0)
        self.tell("caught up")
        self.work.end()
        left: list[str] = []

        def is_done() -> bool:
            left[:] = self.work.unfinished() or self._unread() or self.truth.open_runs()
            return not left

        until(lambda: self._beside(is_done), self.plan.drain_seconds, pause_seconds=1.0)
        return left

    def _beside(self, condition: Callable[[], bool]) -> bool:
        """Look after the fleet, and ask; who does not answer is asked again."""
        self.fleet.look()
        try:
            return condition()
        except (MilvusException, grpc.RpcError):
            return False

    def _unread(self) -> list[str]:
        space = space_of(str(self.plan.encoder))
        readings = [Reading(LANES[lane][0].name, embedder_group(lane, space)) for lane in BOTH]
        readings += [Reading(LANES[lane][1].name, indexer_group(lane, space)) for lane in BOTH]
        try:
            unread = Lag(self.truth.ground.kafka).unread(readings)
        except Unavailable as error:
            return [str(error)]
        return [f"{count} records of {reading.topic} are unread" for reading, count in unread.items() if count]

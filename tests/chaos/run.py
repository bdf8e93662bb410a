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
from framebus.local.space import space_of
from schemas.groups import Lane, embedder_group, indexer_group
from schemas.topics import LANES
from streaming.errors import Unavailable
from streaming.lag import Lag, Reading
from tests.chaos.cameras import Cameras
from tests.chaos.faults import FULL, Fault
from tests.chaos.films import Film
from tests.chaos.fleet import WORKERS, Fleet, Ground
from tests.chaos.full_disk import told_full, untold_full
from tests.chaos.gaps import gaps
from tests.chaos.observer import Observer, Watched, repeated
from tests.chaos.ordeal import Ordeal
from tests.chaos.process_faults import ProcessFaults
from tests.chaos.processes import now_ms, until
from tests.chaos.rebuilding import Rebuilds
from tests.chaos.removal import MOVED, Removals
from tests.chaos.returns import SAMPLED_WITHIN_SECONDS, Absence, moving, resumptions
from tests.chaos.sampled import sampled
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
    camera_faults: Sequence[Fault] = ()
    cameras: int = 2
    over_udp: int = 1
    """How many of the cameras are watched over UDP that loses packets."""
    sampled_within_seconds: float = SAMPLED_WITHIN_SECONDS
    """How long a camera that is back may wait for its next sample."""
    workers: Mapping[str, int] = field(default_factory=lambda: WORKERS)
    modules: Mapping[str, str] = field(default_factory=dict)
    catch_up_seconds: float = 120.0
    """How long cameras may take to catch up with what the bus missed of them."""
    drain_seconds: float = 300.0
    moves: Sequence[str] = ()
    """Sources whose lives end, by what becomes of them (`tests.chaos.moves.SCRIPTS`)."""
    rebuilds: int = 0
    name: str = "chaos"


def run(ground: Ground, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Run a fleet through all faults; return what the index holds in the end beside what it must hold."""
    with ExitStack() as running:
        fleet = running.enter_context(Fleet(ground, plan.encoder, plan.workers, plan.modules))
        cameras = running.enter_context(Cameras(f"{plan.name}-camera", plan.cameras, plan.over_udp, tell))
        work = Work(fleet.client, plan.films, cameras.urls, f"{plan.name}-film")
        watched = {CAMERAS: Watched(f"{plan.name}-camera", work.cameras_run)}
        if plan.films:
            watched[FILES] = Watched(f"{plan.name}-film", work.files_wait)
        observer = running.enter_context(closing(Observer(ground.milvus, watched)))
        running.enter_context(repeated(0.5, work.turn))
        running.enter_context(repeated(1.0, observer.look))
        encoder = load(str(plan.encoder), threads=1)
        removals = running.enter_context(Removals(ground, fleet.client, encoder, plan.seed, plan.moves, f"{plan.name}-moved"))
        rebuilds = Rebuilds(fleet.environment, ground.logs, ground.kafka, ground.milvus, plan.rebuilds)
        running.enter_context(closing(rebuilds))
        running.enter_context(repeated(0.5, removals.turn))
        running.enter_context(repeated(0.5, rebuilds.turn))
        truth = Truth(ground, work, encoder)
        return _Run(plan, fleet, work, removals, rebuilds, cameras, observer, truth, tell).report()


@dataclass
class _Run:
    plan: Plan
    fleet: Fleet
    work: Work
    removals: Removals
    rebuilds: Rebuilds
    cameras: Cameras
    observer: Observer
    truth: Truth
    tell: Callable[[str], None]

    def report(self) -> Report:
        report = Report(self.plan.seed, self.plan.kills)
        if not until(self._has_begun, BEGUN_SECONDS):
            report.unfinished = ["no rows of files and cameras before the first fault"]
            return report
        on_processes = ProcessFaults(self.fleet, self.truth.ground, self.tell)
        ordeals = (
            Ordeal(self.plan.faults, on_processes.begin, self.tell),
            Ordeal(self.plan.camera_faults, self.cameras.begin, self.tell),
        )
        undone = self._suffer(ordeals)
        began = time.monotonic()
        report.unfinished = [*undone, *self._drain()]
        report.drain_seconds = time.monotonic() - began
        report.rows, report.notes = self.truth.differences(), [*self.cameras.notes(), *self.truth.notes()]
        if self.plan.moves:
            account = self.removals.account()
            report.rows = {**report.rows, MOVED: account.rows}
            rebuilds = f"{self.rebuilds.done} rebuilds, {self.rebuilds.broken_off} tries broken off"
            report.notes = [f"{account.line()}, {rebuilds}", *report.notes]
        self._judge_cameras(report, on_processes.away)
        report.faults = ordeals[0].done + ordeals[1].done
        self._judge_statuses(report)
        report.sources = len(self.work.added) + len(self.work.cameras) + self.removals.moved
        report.stalls = {name: longest_stall_seconds(looks) for name, looks in self.observer.looks.items()}
        report.ended = [*self.fleet.watch.ended, *on_processes.complaints, *self.fleet.stop()]
        return report

    def _has_begun(self) -> bool:
        self.fleet.look()
        return self.work.has_begun() and self.observer.all_have_rows()

    def _suffer(self, ordeals: Sequence[Ordeal]) -> list[str]:
        while not all(ordeal.is_over for ordeal in ordeals):
            self.fleet.look()
            for ordeal in ordeals:
                ordeal.turn()
                if stuck := ordeal.stuck(NEXT_FAULT_SECONDS):
                    return stuck
            time.sleep(TURN_SECONDS)
        return []

    def _judge_cameras(self, report: Report, away: Sequence[Absence]) -> None:
        ground, returns, within_seconds = self.truth.ground, self.cameras.returns, self.plan.sampled_within_seconds
        samples = sampled(ground.kafka, ground.home.media, self.work.cameras)
        report.resumptions = resumptions(returns, samples, moving(away), within_seconds)
        report.gaps = list(gaps(samples, returns, away, within_seconds))

    def _judge_statuses(self, report: Report) -> None:
        if times := report.faults[FULL]:
            told = told_full(self.truth.ground.kafka, self.work.cameras)
            report.untold = untold_full(times, told)
            report.notes = [*report.notes, f"the disk of the media was full {times} times, and {told} statuses of cameras say so"]

    def _drain(self) -> list[str]:
        """Wait until everything is done; return what was not done in time."""
        self.work.add_no_more()
        self.removals.hurry()
        # Nothing is caught up of a camera that is paused: all of them run until what was recorded before this has rows.
        until_ms = now_ms() - LATELY_MS

        def is_caught_up() -> bool:
            return self.truth.is_caught_up(until_ms) and self.removals.is_caught_up(until_ms)

        until(lambda: self._beside(is_caught_up), self.plan.catch_up_seconds, pause_seconds=1.0)
        self.tell("caught up")
        self.work.end()
        self.removals.end()
        left: list[str] = []

        def is_done() -> bool:
            left[:] = self.work.unfinished() or self.removals.unfinished() or self.rebuilds.unfinished()
            left[:] = left or self._unread() or self.truth.open_runs() or self.removals.left()
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

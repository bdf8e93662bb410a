"""One run: work, faults, drain, comparison."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pymilvus import MilvusClient

from encoders.address import load
from encoders.encoder import Encoder
from framebus.demo.camera import CameraServer
from framebus.local.space import space_of
from schemas.groups import Lane, embedder_group, indexer_group
from schemas.topics import FRAMES_BULK, FRAMES_LIVE, LANES
from streaming.errors import Unavailable
from streaming.lag import Lag, Reading
from tests.chaos.acknowledged import Log, frames_of, open_runs, rows
from tests.chaos.faults import Fault
from tests.chaos.films import Film, camera
from tests.chaos.fleet import WORKERS, Fleet, Ground
from tests.chaos.observer import Observer, Watched, repeated
from tests.chaos.ordeal import Ordeal
from tests.chaos.processes import until
from tests.chaos.recorded import not_indexed
from tests.chaos.stalls import longest_stall_seconds
from tests.chaos.table import Report
from tests.chaos.work import Work
from tests.comparison import Differences, compare, file_rows, rows_of

BEGUN_SECONDS: Final = 120.0
NEXT_FAULT_SECONDS: Final = 180.0
"""How long a fault may wait for somebody whom it can fall on: whoever is not back by then is not coming back."""
TURN_SECONDS: Final = 0.05
BOTH: Final[tuple[Lane, ...]] = ("live", "bulk")
FILES, CAMERAS = "files", "cameras"


@dataclass(frozen=True)
class Plan:
    """What a run is made of."""

    seed: int
    kills: int
    faults: Sequence[Fault]
    films: Sequence[Film]
    encoder: Path
    cameras: int = 2
    workers: Mapping[str, int] = field(default_factory=lambda: WORKERS)
    modules: Mapping[str, str] = field(default_factory=dict)
    drain_seconds: float = 300.0
    sweep_seconds: float = 20.0
    """How long rows that were replaced may stay beside those that replace them."""
    name: str = "chaos"
    """Keeps the sources of runs on the same ground apart."""


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
        return _Run(ground, plan, fleet, work, observer, tell, load(str(plan.encoder), threads=1)).report()


@dataclass
class _Run:
    ground: Ground
    plan: Plan
    fleet: Fleet
    work: Work
    observer: Observer
    tell: Callable[[str], None]
    encoder: Encoder

    def report(self) -> Report:
        report = Report(self.plan.seed, self.plan.kills)
        if not until(self._has_begun, BEGUN_SECONDS):
            report.unfinished = ["no rows of files and cameras before the first fault"]
            return report
        ordeal = Ordeal(self.fleet, self.ground.relay, self.plan.faults)
        report.unfinished = self._suffer(ordeal)
        self.work.end()
        began = time.monotonic()
        report.unfinished += self._drain()
        report.drain_seconds = time.monotonic() - began
        report.rows, report.notes = self._compare()
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
            if ordeal.next != coming:
                self.tell(f"{coming.kind} {coming.target}" if coming else "")
                coming, since = ordeal.next, time.monotonic()
            if time.monotonic() - since > NEXT_FAULT_SECONDS:
                return [f"{coming} found nobody to fall on" if coming else "a process did not come back"]
            time.sleep(TURN_SECONDS)
        return []

    def _drain(self) -> list[str]:
        """Wait until everything is done and stands as it must; return what was not done in time."""
        left: list[str] = []

        def is_done() -> bool:
            self.fleet.look()
            left[:] = self.work.unfinished() or self._unread() or open_runs(self._frames(FRAMES_LIVE.name))
            return not left

        if until(is_done, self.plan.drain_seconds, pause_seconds=1.0):
            until(self._is_right, self.plan.sweep_seconds, pause_seconds=1.0)
        return left

    def _is_right(self) -> bool:
        found, _ = self._compare()
        return not any(differences.lines() for differences in found.values())

    def _unread(self) -> list[str]:
        space = space_of(str(self.plan.encoder))
        readings = [Reading(LANES[lane][0].name, embedder_group(lane, space)) for lane in BOTH]
        readings += [Reading(LANES[lane][1].name, indexer_group(lane, space)) for lane in BOTH]
        try:
            unread = Lag(self.ground.kafka).unread(readings)
        except Unavailable as error:
            return [str(error)]
        return [f"{count} records of {reading.topic} are unread" for reading, count in unread.items() if count]

    def _frames(self, *topics: str) -> Log:
        return frames_of(self.ground.kafka, topics, self.work.cameras, self.encoder)

    def _compare(self) -> tuple[dict[str, Differences], list[str]]:
        """Return the differences of files and cameras, and what is told and not judged."""
        files, cameras = Differences(), Differences()
        with closing(MilvusClient(self.ground.milvus, timeout=30)) as milvus:
            for source_id, film in self.work.added.items():
                files.add(compare(rows_of(milvus, source_id), file_rows(source_id, film.rows)))
            found = [row for source_id in self.work.cameras for row in rows_of(milvus, source_id)]
        cameras.add(compare(found, rows(self._frames(FRAMES_LIVE.name, FRAMES_BULK.name))))
        keys = {row.key for row in found}
        lost = not_indexed(self.ground.home.media, self.work.cameras, keys)
        notes = [f"{len(lost)} samples of cameras were recorded and have no row: {', '.join(lost[:3])}"] if lost else []
        return {FILES: files, CAMERAS: cameras}, notes

"""A soak: the whole local stack, ten cameras, people who search, sources that come and go; looked at all the time."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.corpus import repeat_video
from bench.footage import write_camera_clip
from bench.machine import machine, versions
from bench.observer import Observer
from bench.served import Served, serving
from bench.soak.load import Load, noting_failure
from bench.soak.log_bounds import bound_the_log
from bench.soak.sampler import Note, note_disk, note_processes, note_write_buffer
from bench.soak.samples import Record
from bench.soak.schedule import look_moments, schedule
from bench.soak.searching import ask, follow, note_confirmed
from bench.soak.slope import WARM_UP_SHARE
from framebus.client import Client
from framebus.client.results import KafkaStatus
from framebus.demo.script import CLIPS
from framebus.demo.stack import RunningStack, running_stack

HOME: Final = "home"
CAMERAS: Final = {"large": (640, 360), "middle": (320, 192), "small": (160, 96)}
COPIES: Final = 4
USED: Final = 10
FILM: Final = CLIPS / "street.mp4"
FILM_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 5.0
SETTINGS: Final = {
    "FRAMEBUS_INDEXER_SEAL_ROWS": "4000",
    "DATACOORD_GC_INTERVAL": "180",
    "DATACOORD_GC_DROPTOLERANCE": "540",
}
"""Rows are kept for minutes, a quarter as many as are sealed together otherwise: all of them would stay in what is not sealed.
What compaction has replaced stays for nine minutes, not three hours, so that an hour sees it go six times."""
RARELY: Final = 3
"""Of so many looks one asks Kafka, Milvus and the file system too: that is load itself."""
DRAIN_SECONDS: Final = 120.0
DRAIN_LOOK_SECONDS: Final = 1.0
SETTLED_SECONDS: Final = 5.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """What a soak stands on."""

    home: Path
    kafka: str
    stack: RunningStack
    client: Client
    cameras: Served

    def look(self, note: Note) -> None:
        """Note what all processes hold."""
        others = {"cameras": self.cameras.process, "soak": psutil.Process(os.getpid())}
        note_processes(psutil.Process(self.stack.process.pid), others, note)
        note_write_buffer(self.home / "milvus", note)

    def look_far(self, note: Note) -> int | None:
        """Note the disk, the index, dead letters and backlogs; return what is unread, None where nobody says it."""
        note_disk({name: self.home / name for name in ("media", "kafka", "milvus")}, note)
        with noting_failure(note, "status"):
            status = self.client.status()
            if status.index is not None:
                note("rows", "all", status.index.rows)
            if status.kafka is not None:
                return _note_kafka(status.kafka, note)
        return None


def soak(folder: Path, file: Path, minutes: float, tell: Tell) -> None:
    """Warm up and run for so many minutes in `folder` and write all that is seen to `file`; Ctrl-C ends it early and in order."""
    minutes /= 1 - WARM_UP_SHARE
    film = folder / "film.mp4"
    repeat_video(FILM, film, at_least_seconds=FILM_SECONDS)
    tell("making the films of the cameras, starting the stack")
    with _stage(folder) as stage:
        load = Load(stage.client, dict(list(stage.cameras.urls.items())[:USED]), film)
        tell(f"adding {USED} cameras")
        load.begin()
        record = Record(file)
        record.note("planned_minutes", f"{machine()}; {versions()}", minutes)
        try:
            _watch(stage, load, record, minutes, tell)
            _drain(stage, load, record, tell)
        except KeyboardInterrupt:
            tell("broken off")
        finally:
            record.close()


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    clips = [f"{name}={write_camera_clip(folder / f'{name}.mp4', size, 1)}" for name, size in CAMERAS.items()]
    cameras = serving(("-m", "framebus.demo.camera", "--copies", str(COPIES), *clips))
    home = folder / HOME
    with (
        cameras as served,
        running_stack(home, lambda _: None, settings=SETTINGS) as stack,
        Client(stack.url, stack.key) as client,
    ):
        kafka = json.loads((home / "stack.json").read_text())["kafka"]
        bound_the_log(kafka)
        yield Stage(home, kafka, stack, client, served)


def _watch(stage: Stage, load: Load, record: Record, minutes: float, tell: Tell) -> None:
    seconds = 60 * minutes
    jobs = (
        lambda stopping: follow(stage.client, load.watched, record.note, stopping),
        lambda stopping: ask(stage.client, record.note, stopping),
        lambda stopping: load.live(schedule(seconds, USED), record.note, stopping),
    )
    with Observer(stage.kafka) as observer, _beside(*jobs) as check:
        for number, moment in enumerate(look_moments(seconds, LOOK_SECONDS)):
            time.sleep(max(0.0, moment - record.seconds))
            check()
            stage.look(record.note)
            note_confirmed(observer.passages, record.note)
            if number % RARELY == 0:
                unread = stage.look_far(record.note)
                tell(f"{record.seconds / 60:.1f} of {minutes:g} minutes, {'?' if unread is None else unread} records unread")
        time.sleep(max(0.0, seconds - record.seconds))
        stage.look(record.note)
    record.note("load_ended", "all", 0)


def _drain(stage: Stage, load: Load, record: Record, tell: Tell) -> None:
    load.end(record.note)
    began = time.monotonic()
    tell("waiting for what is unread")
    since = None  # zero once may be a moment between a record and the next
    while since is None or time.monotonic() - since < SETTLED_SECONDS:
        if time.monotonic() - began > DRAIN_SECONDS:
            return
        time.sleep(DRAIN_LOOK_SECONDS)
        since = None if stage.look_far(record.note) != 0 else since or time.monotonic()
    record.note("drained_seconds", "all", since - began)


@contextmanager
def _beside(*jobs: Callable[[threading.Event], None]) -> Iterator[Callable[[], None]]:
    """Run jobs in threads of their own while the block runs; what it gives raises what one of them has failed with."""
    stopping = threading.Event()
    with ThreadPoolExecutor(len(jobs), "soak") as pool:
        running = [pool.submit(job, stopping) for job in jobs]

        def check() -> None:
            for job in running:
                if job.done():
                    job.result()

        try:
            yield check
        finally:
            stopping.set()
    check()


def _note_kafka(status: KafkaStatus, note: Note) -> int:
    for topic in sorted({one.topic for one in status.unread}):
        note("unread", topic, sum(one.records for one in status.unread if one.topic == topic))
    note("dead_letters", "all", sum(status.dead_letters.values()))
    return sum(one.records for one in status.unread)

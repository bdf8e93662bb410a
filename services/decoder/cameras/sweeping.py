"""Deleting what was kept of cameras and is over, on a thread of its own: a slow disk holds up nothing."""

import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.recordings import RECORDINGS, SEGMENT_MS, THUMBNAILS, Segment, parse_segment, thumbnail_ms
from services.decoder import metrics as m
from services.decoder.cameras.journals import BEFORE_MS, SETTLED, Journals
from services.decoder.cameras.retention import Expired, Kept, Kind, Recorded, expired
from services.decoder.reports import now_ms
from streaming.logs import get_logger
from streaming.metrics import Metrics

EVERY_SECONDS: Final = 60.0
KINDS: Final[Mapping[str, Kind]] = {"mp4": "film", "samples": "journal"}
log = get_logger("retention")


@dataclass(frozen=True)
class Limits:
    """How long and how much: `days` where a source says nothing, `share` of the disk that may be in use."""

    days: float
    share: float


class Sweeper:
    """Sweeps the whole media folder; several decoders may do so side by side, since what is deleted twice is deleted once.

    `kept` gives what is wanted of each source's recordings, by id, whenever it is called.
    """

    def __init__(self, media: Path, limits: Limits, kept: Callable[[], Mapping[str, Kept]], metrics: Metrics) -> None:
        self._media, self._limits, self._kept, self._metrics = media, limits, kept, metrics
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to sweep, now and every minute."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join()

    def watch(self) -> None:
        """Raise when the thread has died; its stack trace was printed when it did."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            raise RuntimeError("the thread of retention has ended by itself; its stack trace is above")

    def sweep(self) -> int:
        """Delete what is over and return how many films, or minutes of thumbnails, that were.

        A day at a time is listed, the oldest first: of many cameras there are millions of files. For the disk's sake journals
        go when nothing else is left to go, since they are small.
        """
        kept, over_bytes, at_ms = self._kept(), self._over_bytes(), now_ms()
        days = _days(self._media / RECORDINGS)
        pictured = _pictured(self._media / THUMBNAILS, kept, sized=over_bytes > 0)
        recorded_bytes, gone = 0, 0
        for day in sorted(days.keys() | pictured.keys()):
            recorded = list(self._recorded(days.get(day, ())))
            recorded_bytes += sum(one.size_bytes for one in recorded)
            films = [*(one for one in recorded if one.kind == "film"), *pictured.get(day, ())]
            journals = [one for one in recorded if one.kind == "journal"]
            going = expired(films, kept, self._limits.days, over_bytes, at_ms)
            over_bytes -= _delete([*going, *expired(journals, kept, self._limits.days, 0, at_ms)])
            self._tell(going)
            gone += len(going)
        for day in sorted(days):
            if over_bytes > 0:
                journals = [one for one in self._recorded(days[day]) if one.kind == "journal"]
                over_bytes -= _delete(expired(journals, kept, self._limits.days, over_bytes, at_ms))
        self._metrics.of(m.RECORDED).set(recorded_bytes)
        return gone

    def _tell(self, going: Sequence[Expired]) -> None:
        for one in going:
            self._metrics.of(m.EXPIRED).labels(one.reason).inc()
        if going:
            log.info("recordings expired", count=len(going), disk=sum(one.reason == "disk" for one in going))

    def _recorded(self, days: Iterable[Path]) -> Iterator[Recorded]:
        for day in days:
            source_id, life = day.parts[-3], int(day.parts[-2])
            yield from _of_day(day, source_id, life, self._settled_before_ms(source_id, life))

    def _settled_before_ms(self, source_id: str, life: int) -> int:
        """Return until when no look reads any more: it begins so long before what is settled. What nobody can read is not."""
        with suppress(OSError):
            if (settled_ms := Journals(self._media, source_id, life).settled_ms()) is not None:
                return settled_ms - BEFORE_MS
        return 0

    def _work(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self.sweep()
            except OSError as error:
                log.warning("not swept", reason=str(error))
            if self._stopping.wait(max(EVERY_SECONDS, 20 * (time.monotonic() - began))):
                return

    def _over_bytes(self) -> int:
        if not self._media.exists():
            return 0
        disk = shutil.disk_usage(self._media)
        return int(disk.used - disk.total * self._limits.share)


def _days(folder: Path) -> Mapping[str, Sequence[Path]]:
    """Return the folders of each day."""
    days: defaultdict[str, list[Path]] = defaultdict(list)
    for day in folder.glob("*/*/*"):
        if day.parent.name.isdecimal() and day.is_dir():
            days[day.name].append(day)
    return days


def _of_day(day: Path, source_id: str, life: int, settled_before_ms: int) -> Iterator[Recorded]:
    """Yield the films of a day, and the journals, some of which have outlived their films."""
    found: defaultdict[Segment, dict[Kind, os.stat_result]] = defaultdict(dict)
    for name in _names(day):
        stem, _, suffix = name.rpartition(".")
        segment = parse_segment(f"{stem}.mp4")
        if segment is not None and suffix in KINDS:
            with suppress(FileNotFoundError):  # another has deleted it
                found[segment][KINDS[suffix]] = (day / name).stat()
    for segment, files in found.items():
        written_ms = files["film"].st_mtime_ns // 1_000_000 if "film" in files else segment.start_ms
        is_settled = segment.start_ms < settled_before_ms
        for kind, file in files.items():
            yield Recorded(kind, source_id, life, segment, day, file.st_size, written_ms, is_settled)


def _pictured(folder: Path, kept: Mapping[str, Kept], *, sized: bool) -> Mapping[str, Sequence[Recorded]]:
    """Return the minutes of thumbnails of each day. Those of pushed sources stay as their rows do.

    Thumbnails are many: their sizes are asked for only where they count.
    """
    days: defaultdict[str, list[Recorded]] = defaultdict(list)
    for life in folder.glob("*/*"):
        source_id = life.parent.name
        if source_id not in kept or not kept[source_id].is_camera or not life.name.isdecimal():
            continue
        minutes: defaultdict[int, int] = defaultdict(int)
        for path, minute in _thumbnails(life):
            minutes[minute] += _bytes_of(path) if sized else 0
        for minute, size_bytes in minutes.items():
            segment = Segment(minute * SEGMENT_MS, 0)
            one = Recorded("thumbnails", source_id, int(life.name), segment, life, size_bytes, segment.start_ms)
            days[segment.day].append(one)
    return days


def _thumbnails(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield each thumbnail of a life with its minute."""
    for name in _names(folder):
        if (t_ms := thumbnail_ms(name)) is not None:
            yield folder / name, t_ms // SEGMENT_MS


def _names(folder: Path) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:  # another has deleted it
        for entry in entries:
            yield entry.name


def _bytes_of(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _delete(going: Sequence[Expired]) -> int:
    """Delete these in their order, and the folders that are empty then; return how many bytes that were."""
    minutes: defaultdict[Path, set[int]] = defaultdict(set)
    for one in (one.recorded for one in going):
        if one.kind == "thumbnails":
            minutes[one.folder].add(one.segment.start_ms // SEGMENT_MS)
        else:
            name = one.segment.name if one.kind == "film" else one.segment.journal_name
            (one.folder / name).unlink(missing_ok=True)
    for folder, of_these in minutes.items():
        for path in [path for path, minute in _thumbnails(folder) if minute in of_these]:
            path.unlink(missing_ok=True)
    for folder in {one.recorded.folder for one in going}:
        _leave(folder)
    return sum(one.recorded.size_bytes for one in going)


def _leave(folder: Path) -> None:
    with suppress(OSError):  # it is not empty, or was emptied by another
        folder.rmdir()
        if not any(day.is_dir() for day in folder.parent.iterdir()):
            (folder.parent / SETTLED).unlink()

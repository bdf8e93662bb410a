"""Deleting what was kept of cameras and is over, on a thread of its own: a slow disk holds up nothing."""

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
from services.decoder.cameras.journals import SETTLED
from services.decoder.cameras.retention import Kept, Recorded, expired
from services.decoder.reports import now_ms
from streaming.logs import get_logger
from streaming.metrics import Metrics

EVERY_SECONDS: Final = 60.0
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
        """Delete what is over and return how many segments, or minutes of thumbnails, that were."""
        recorded, kept, over_bytes = list(_recorded(self._media / RECORDINGS)), self._kept(), self._over_bytes()
        self._metrics.of(m.RECORDED).set(sum(one.size_bytes for one in recorded))
        recorded += _pictured(self._media / THUMBNAILS, kept, sized=over_bytes > 0)
        going = expired(recorded, kept, self._limits.days, over_bytes, now_ms())
        for one in going:
            _delete(one.recorded.paths)
            self._metrics.of(m.EXPIRED).labels(one.reason).inc()
        if going:
            log.info("recordings expired", count=len(going), disk=sum(one.reason == "disk" for one in going))
        return len(going)

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


def _recorded(folder: Path) -> Iterator[Recorded]:
    for path in folder.glob("*/*/*/*.mp4"):
        segment = parse_segment(path.name)
        if segment is None or not path.parts[-3].isdecimal():
            continue
        paths = (path, path.with_name(segment.journal_name))
        with suppress(FileNotFoundError):  # another has deleted it
            written_ms = path.stat().st_mtime_ns // 1_000_000
            yield Recorded(path.parts[-4], int(path.parts[-3]), segment, paths, _bytes_of(paths), written_ms)


def _pictured(folder: Path, kept: Mapping[str, Kept], *, sized: bool) -> Iterator[Recorded]:
    """Thumbnails are many: their sizes are asked for only where they count. Those of pushed sources stay as their rows do."""
    for life in folder.glob("*/*"):
        source_id = life.parent.name
        if source_id not in kept or not kept[source_id].is_camera or not life.name.isdecimal():
            continue
        minutes: defaultdict[int, list[Path]] = defaultdict(list)
        for path in life.iterdir():
            if (t_ms := thumbnail_ms(path.name)) is not None:
                minutes[t_ms // SEGMENT_MS].append(path)
        for minute, paths in minutes.items():
            segment = Segment(minute * SEGMENT_MS, 0)
            size_bytes = _bytes_of(paths) if sized else 0
            yield Recorded(source_id, int(life.name), segment, tuple(paths), size_bytes, segment.start_ms)


def _bytes_of(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())


def _delete(paths: Sequence[Path]) -> None:
    """The film goes before its journal, which says nothing without it; empty folders of days go too."""
    for path in paths:
        path.unlink(missing_ok=True)
    folder = paths[0].parent
    with suppress(OSError):  # it is not empty, or was emptied by another
        folder.rmdir()
        if not any(day.is_dir() for day in folder.parent.iterdir()):
            (folder.parent / SETTLED).unlink()

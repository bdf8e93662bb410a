"""Deleting recorded segments whose time is over, on a thread of its own: a slow disk holds up nothing."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.recordings import RECORDINGS, parse_segment
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
        self._folder, self._limits, self._kept, self._metrics = media / RECORDINGS, limits, kept, metrics
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
        """Delete what is over and return how many segments that were."""
        recorded = list(_recorded(self._folder))
        self._metrics.of(m.RECORDED).set(sum(one.size_bytes for one in recorded))
        going = expired(recorded, self._kept(), self._limits.days, self._over_bytes(), now_ms())
        for one in going:
            _delete(one.recorded.path)
            self._metrics.of(m.EXPIRED).labels(one.reason).inc()
        if going:
            log.info("segments expired", count=len(going), disk=sum(one.reason == "disk" for one in going))
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
        if not self._folder.exists():
            return 0
        disk = shutil.disk_usage(self._folder)
        return int(disk.used - disk.total * self._limits.share)


def _recorded(folder: Path) -> Iterator[Recorded]:
    for path in folder.glob("*/*/*/*.mp4"):
        segment = parse_segment(path.name)
        if segment is None or not path.parts[-3].isdecimal():
            continue
        journal = path.with_name(segment.journal_name)
        size_bytes = sum(one.stat().st_size for one in (path, journal) if one.exists())
        yield Recorded(path.parts[-4], int(path.parts[-3]), segment, path, size_bytes)


def _delete(path: Path) -> None:
    """The film goes before its journal, which says nothing without it; empty folders of days go too."""
    path.unlink(missing_ok=True)
    path.with_suffix(".samples").unlink(missing_ok=True)
    with suppress(OSError):  # it is not empty, or was emptied by another
        path.parent.rmdir()
        if not any(day.is_dir() for day in path.parent.parent.iterdir()):
            (path.parent.parent / SETTLED).unlink()

"""Decoding one chunk, on a thread of its own: neither a slow file nor a large picture holds up the loop."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Final, Protocol

from originals.access import Access
from originals.address import parse
from originals.errors import Unreachable, Unreadable
from originals.files import OpenFile, fingerprint, open_file
from originals.timestamps import WRAPS
from schemas.messages import Chunk
from services.decoder.cameras.recorded import recorded_samples
from services.decoder.cameras.stretch import order_of, stretch
from services.decoder.damage import Reading, notices
from services.decoder.margins import LeftMarginTooShort, Placed, place
from services.decoder.picture import Picture
from services.decoder.sampling import Grid
from services.decoder.video import Video

Sample = Placed[Picture]
QUEUED_SAMPLES: Final = 64
LOOK_SECONDS: Final = 0.1
TAKE_SECONDS: Final = 0.05


class Changed(Unreadable):
    """The file is not the one that was planned."""

    def __init__(self, shown: str, now: str) -> None:
        super().__init__(f"{shown} has changed since it was planned")
        self.fingerprint = now


class Readable(Protocol):
    """What a chunk is cut from."""

    def pictures(self, grid: Grid, from_ms: int) -> Iterator[Picture | None]:
        """Yield the samples at or after `from_ms`; see `Video.pictures`."""


def samples(video: Readable, chunk: Chunk) -> Iterator[Sample | None]:
    """Yield a chunk's samples, margins included, and None between them: a moment in which the caller may stop.

    They are the same for every decoder of the chunk. Where the samples lie so sparse that `read_from_ms` leaves the left margin
    short, reading begins earlier.
    """
    grid, from_ms = Grid(chunk.sample_fps), min(chunk.read_from_ms, chunk.start_ms)
    while True:
        try:
            yield from place(video.pictures(grid, from_ms), chunk.start_ms, chunk.end_ms, whole=from_ms == 0)
        except LeftMarginTooShort:
            from_ms = max(0, chunk.start_ms - 2 * max(1, chunk.start_ms - from_ms))
        else:
            return


class Decoding:
    """One chunk being decoded. `unusable`, `notices` and `lacks` say what could not be used, once it has ended."""

    def __init__(self, pool: ThreadPoolExecutor, chunk: Chunk, threads: int, access: Access, media: Path) -> None:
        self._queue: Queue[Sample | None] = Queue(QUEUED_SAMPLES)
        self._given_up = threading.Event()
        self.unusable = self._taken = self._rows = 0
        self.notices: tuple[str, ...] = ()
        self.lacks: str | None = None
        run = partial(self._run, chunk, threads, access)
        if chunk.recorded:
            run = partial(self._catch_up, chunk, media)
        elif not chunk.url:
            run = partial(self._show_again, chunk, media)
        self._ended = pool.submit(run)
        self._ended.add_done_callback(self._wake)

    def take(self) -> Sample | None:
        """Return the next sample, waiting for a moment; None when none came."""
        try:
            return self._queue.get(timeout=TAKE_SECONDS)
        except Empty:
            return None

    def has_ended(self) -> bool:
        """Whether all samples have been taken; raises what the decoding has failed with."""
        if not self._ended.done() or not self._queue.empty():
            return False
        self._ended.result()
        return True

    def give_up(self) -> None:
        """Want no more samples."""
        self._given_up.set()

    def _wake(self, _: Future[None]) -> None:
        """End the wait of who takes; a full queue lets nobody wait."""
        with suppress(Full):
            self._queue.put_nowait(None)

    def _run(self, chunk: Chunk, threads: int, access: Access) -> None:
        file = open_file(parse(chunk.url), access, keep_on=lambda: not self._given_up.is_set())
        with closing(file.stream):
            _check(file, chunk.fingerprint)
            with closing(Video(file, threads)) as video:
                self._put_all(samples(video, chunk))
                self.unusable = video.unusable
                self.notices = notices(_reading(video, chunk.end_ms))
            if file.has_changed():
                raise Changed(file.shown, fingerprint(file))

    def _catch_up(self, chunk: Chunk, media: Path) -> None:
        self._put_all(recorded_samples(media, chunk))
        self.unusable = sum(len(recorded.times_ms) for recorded in chunk.recorded) - self._taken

    def _show_again(self, chunk: Chunk, media: Path) -> None:
        try:
            found = stretch(media, chunk)
        except OSError as error:
            raise Unreachable(f"the journals of {chunk.source_id} cannot be read: {error.strerror}") from None
        for run, span in enumerate(found.spans):
            self._put_all(recorded_samples(media, order_of(chunk, span)), run)
        self.unusable = found.noted - self._rows
        if self.unusable:
            self.lacks = f"{self.unusable} of {found.noted} samples: not recorded any more"

    def _put_all(self, samples: Iterator[Sample | None], run: int = 0) -> None:
        for sample in samples:
            if self._given_up.is_set():
                return
            if sample is not None:
                self._put(replace(sample, run=run))
                self._taken += 1
                self._rows += not sample.context

    def _put(self, sample: Sample) -> None:
        while not self._given_up.is_set():
            with suppress(Full):
                self._queue.put(sample, timeout=LOOK_SECONDS)
                return


def _reading(video: Video, until_ms: int) -> Reading:
    """Say what has been read. Where timestamps may begin anew, the length is a guess from the last one: nothing is missing."""
    stated_ms = 0 if video.format in WRAPS else video.duration_ms
    return Reading(stated_ms, video.ends_ms, until_ms, video.usable, video.unusable, video.holes)


def _check(file: OpenFile, planned: str) -> None:
    found = fingerprint(file)
    if found != planned:
        raise Changed(file.shown, found)

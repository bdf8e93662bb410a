"""Looking at files for a plan, on threads of its own: a slow server must not hold up the loop."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from originals.access import Access
from originals.address import parse
from originals.errors import Unreachable, Unreadable
from originals.files import fingerprint, open_file
from schemas.limits import LARGEST_CAPTURED_MS, UNKNOWN_MS
from schemas.messages import Source
from services.decoder.video import Video

THREADS: Final = 2
WITHIN_SECONDS: Final = 600.0
"""So that servers that send without end do not hold up the others for ever."""


@dataclass(frozen=True)
class Inspected:
    """What a plan is made from."""

    fingerprint: str
    duration_ms: int
    seekable: bool


Result = Inspected | Unreadable | Unreachable


def captured_from_ms(starts_at: str | None) -> int:
    """Return the UTC epoch milliseconds of an ISO 8601 time, which is UTC where it names no zone; −1 for None."""
    if starts_at is None:
        return UNKNOWN_MS
    try:
        begins = datetime.fromisoformat(starts_at)
    except ValueError:
        raise Unreadable(f"starts_at is {starts_at!r}: expected ISO 8601, for example 2026-11-20T08:00:00Z") from None
    from_ms = int((begins if begins.tzinfo else begins.replace(tzinfo=UTC)).timestamp() * 1000)
    if not 0 <= from_ms <= LARGEST_CAPTURED_MS:
        raise Unreadable(f"starts_at is {starts_at!r}: times before 1970 or after 9998 are not known here; leave it out")
    return from_ms


def inspect(source: Source, access: Access, within_seconds: float = WITHIN_SECONDS) -> Inspected:
    """Look at a source's file; raises `Unreadable` or `Unreachable`, the latter for a server that takes longer too."""
    captured_from_ms(source.starts_at)
    until = time.monotonic() + within_seconds
    file = open_file(parse(source.url or ""), access, keep_on=lambda: time.monotonic() < until)
    with closing(file.stream):
        identity = fingerprint(file)
        with closing(Video(file, threads=1)) as video:
            found = video.inspect()
    return Inspected(identity, found.duration_ms, found.seekable)


class Inspector:
    """Inspects files side by side; local ones never wait for remote ones."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._local = ThreadPoolExecutor(THREADS, "inspect-local")
        self._remote = ThreadPoolExecutor(THREADS, "inspect-remote")
        self._running: dict[str, tuple[Source, Future[Inspected]]] = {}

    def start(self, source: Source) -> None:
        """Begin to look at a source's file, whatever was begun for it before."""
        self.forget(source.source_id)
        pool = self._remote if "://" in (source.url or "") else self._local
        self._running[source.source_id] = source, pool.submit(inspect, source, self._access)

    def forget(self, source_id: str) -> None:
        """Want no result for a source any more."""
        if begun := self._running.pop(source_id, None):
            begun[1].cancel()

    def results(self) -> list[tuple[Source, Result]]:
        """Return what has been found since the last call; an unexpected failure of a thread is raised here."""
        ready = [source_id for source_id, (_, future) in self._running.items() if future.done()]
        return [(source, _result(future)) for source, future in map(self._running.pop, ready)]

    def close(self) -> None:
        """Begin nothing more; what runs ends by its own timeouts."""
        for pool in (self._local, self._remote):
            pool.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[Inspected]) -> Result:
    try:
        return future.result()
    except (Unreadable, Unreachable) as failure:
        return failure

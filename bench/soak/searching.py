"""Two people who search while a soak runs: one asks anything each second, one waits for the newest sample of a camera."""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle
from typing import Final

from bench.observer import Moment, Passage
from bench.soak.load import noting_failure
from bench.soak.sampler import Note
from framebus.client import Client, Hit
from framebus.demo.script import read_script

PERIOD_MS: Final = 1000
ASKED_AGAIN_SECONDS: Final = 0.05
SEARCH_EVERY_SECONDS: Final = 1.0
FORGOTTEN_MS: Final = 120_000
FAR_BEHIND: Final = 30
"""Samples that are noted of one look at most: a camera that was away is not thousands of late samples. To the verdict the others
are missing, and count as never found."""


def found_seconds(newest_ms: int, peak_ms: int, now_ms: int) -> list[float]:
    """Return how long the samples after the newest known one took to be found, up to the one that was found now.

    A search shows one moment of a stretch, so where several came at once each counts from its own second. Pure.
    """
    times = range(peak_ms, newest_ms, -PERIOD_MS)[:FAR_BEHIND]
    return [(now_ms - t_ms) / 1000 for t_ms in reversed(times)]


def follow(client: Client, source_id: str, note: Note, stopping: threading.Event) -> None:
    """Note for every sample of a camera how long it took from its capture until a search by picture found it.

    Nothing is asked before the next sample is due: what is searched for is load too.
    """
    picture = client.thumbnail(source_id, client.source(source_id).last_t_ms or 0)
    newest_ms = _now_ms()
    while not stopping.is_set():
        hits: Sequence[Hit] = ()
        with noting_failure(note, "search by picture"):
            hits = client.search(image=picture, since=_iso(newest_ms + 1), sources=[source_id], limit=5).hits
        if hits:
            now_ms, peak_ms = _now_ms(), max(hit.peak_ms for hit in hits)
            for seconds in found_seconds(newest_ms, peak_ms, now_ms):
                note("found_seconds", source_id, seconds)
            newest_ms = peak_ms
        stopping.wait(max(ASKED_AGAIN_SECONDS, (newest_ms + PERIOD_MS - _now_ms()) / 1000 if hits else 0.0))


def ask(client: Client, note: Note, stopping: threading.Event) -> None:
    """Search all sources each second, for what the demonstration asks, and note how long an answer takes."""
    for text in cycle(query.text for query in read_script().queries if query.text and not query.image_from):
        began = time.monotonic()
        with noting_failure(note, "search by text"):
            client.search(text)
            note("search_seconds", "text", time.monotonic() - began)
        if stopping.wait(max(0.0, SEARCH_EVERY_SECONDS - (time.monotonic() - began))):
            return


def note_confirmed(passages: dict[Moment, Passage], note: Note) -> None:
    """Note for every sample of all cameras how long it took from its capture until its row was confirmed, and forget it.

    One that never gets a row is forgotten too: the verdict misses it, since it knows how many are due.
    """
    now_ms = _now_ms()
    for (source_id, t_ms), passage in passages.copy().items():
        if passage.searchable_ms is not None:
            note("confirmed_seconds", source_id, (passage.searchable_ms - t_ms) / 1000)
        # What belongs to a source that was removed never gets a row.
        if passage.searchable_ms is not None or now_ms - t_ms > FORGOTTEN_MS:
            del passages[source_id, t_ms]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")

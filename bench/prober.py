"""Someone at the HTTP API who searches again and again, until what happened is found, and then wants to see it."""

import io
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import av
import cv2
import httpx

from bench.scenes import NAME, Picture, known_pictures
from framebus.client import Client, Hit

EVERY_SECONDS: Final = 0.05
LOOK_BACK_MS: Final = 10_000
GIVEN_UP_SECONDS: Final = 20.0
WAIT_SECONDS: Final = (2.0, 4.0)
JPEG_QUALITY: Final = 90

Show = Callable[[int, int], None]
"""Lets the scene show a known picture from a moment on."""


@dataclass
class Findings:
    """What was seen from outside, in seconds; `seen_ms` has by t_ms when a sample of the scene was first found."""

    events: list[float] = field(default_factory=list)
    seen_ms: dict[int, float] = field(default_factory=dict)
    thumbnails: list[float] = field(default_factory=list)
    clips: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    missed: int = 0

    @property
    def captures(self) -> list[float]:
        """Seconds from a sample's capture until it was found."""
        return [(at_ms - t_ms) / 1000 for t_ms, at_ms in self.seen_ms.items()]


@dataclass
class Prober:
    """Searches as a user would, by picture. `show` changes the scene."""

    client: Client
    http: httpx.Client
    show: Show
    findings: Findings = field(default_factory=Findings)

    def __post_init__(self) -> None:
        self._queries = [_jpeg(picture) for picture in known_pictures()]
        self._rng = random.Random(1)  # noqa: S311  it chooses moments
        self._shown = 0

    def run(self, events: int) -> Findings:
        """Let so many events happen, one after the other, each at a moment that nothing else depends on."""
        for _ in range(events):
            self._event()
        return self.findings

    def _event(self) -> None:
        happens_ms = _now_ms() + int(1000 * self._rng.uniform(*WAIT_SECONDS))
        number = (self._shown + 1) % len(self._queries)
        self.show(number, happens_ms)
        self._follow_captures(self._shown, happens_ms)
        self._shown = number
        hit = self._find(number, happens_ms)
        if hit is None:
            self.findings.missed += 1
            return
        self.findings.events.append((_now_ms() - happens_ms) / 1000)
        self.findings.seen_ms.setdefault(hit.peak_ms, _now_ms())
        self._look_at(hit)

    def _follow_captures(self, number: int, until_ms: int) -> None:
        """Ask for what is newer than the newest that was found: what comes has just become searchable."""
        newest_ms = _now_ms()
        while _now_ms() < until_ms:
            for hit in self._search(number, newest_ms + 1, [NAME]):
                self.findings.seen_ms.setdefault(hit.peak_ms, _now_ms())
                newest_ms = max(newest_ms, hit.peak_ms)

    def _find(self, number: int, happened_ms: int) -> Hit | None:
        """Search the last seconds of all cameras until the event comes first."""
        deadline = time.monotonic() + GIVEN_UP_SECONDS
        while time.monotonic() < deadline:
            for hit in self._search(number, happened_ms - LOOK_BACK_MS)[:1]:
                if hit.source_id == NAME and hit.peak_ms >= happened_ms:
                    return hit
        return None

    def _search(self, number: int, since_ms: int, sources: list[str] | None = None) -> tuple[Hit, ...]:
        began = time.perf_counter()
        found = self.client.search(image=self._queries[number], since=_iso(since_ms), sources=sources or [], limit=5)
        seconds = time.perf_counter() - began
        self.findings.searches.append(seconds)
        time.sleep(max(0.0, EVERY_SECONDS - seconds))
        return found.hits

    def _look_at(self, hit: Hit) -> None:
        assert hit.thumbnail_url is not None
        assert hit.clip_url is not None
        began = time.perf_counter()
        picture = self.http.get(hit.thumbnail_url)
        self.findings.thumbnails.append(time.perf_counter() - began)
        assert picture.is_success, picture.text
        began = time.perf_counter()
        with self.http.stream("GET", hit.clip_url) as answer:
            chunks = answer.iter_bytes()
            first = next(chunks)
            self.findings.clips.append(time.perf_counter() - began)
            assert answer.is_success, first
            _check_plays(first + b"".join(chunks))


def _check_plays(clip: bytes) -> None:
    with av.open(io.BytesIO(clip), "r") as container:
        next(container.decode(container.streams.video[0]))


def _jpeg(picture: Picture) -> bytes:
    _, jpeg = cv2.imencode(".jpg", picture[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    return jpeg.tobytes()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")

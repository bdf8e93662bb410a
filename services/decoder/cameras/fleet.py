"""The cameras that a process owns: one capture each, begun and ended as their sources say, and watched."""

import time
from collections.abc import Iterable, Mapping
from typing import Final

from schemas.messages import Source, SourceStatus
from services.decoder import metrics as m
from services.decoder.cameras.capture import Capture, Surroundings

END_SECONDS: Final = 1.0
"""How long the end of captures is waited for: a camera that sends ends with its next packet."""


class Fleet:
    """All of it is called from the loop's thread; captures run on their own, and the death of one is the death of the process."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._captures: dict[str, Capture] = {}

    @property
    def captures(self) -> Mapping[str, Capture]:
        """The captures that are running, by source."""
        return self._captures

    def take(self, source: Source, known: SourceStatus | None, *, told: bool) -> None:
        """Do what is wanted of a camera. `told`: someone has just asked for it, so one that is away is tried at once."""
        running = self._captures.get(source.source_id)
        if running is not None and _is_same(running.source, source):
            if told:
                running.look_again()
            return
        self._end([source.source_id], paused=source.wanted == "paused")
        if source.wanted == "running":
            capture = self._captures[source.source_id] = Capture(source, known, self._around)
            capture.start()
        elif running is None:
            Capture(source, known, self._around).rest()

    def forget(self, source_ids: Iterable[str]) -> None:
        """End the captures of sources that are gone, or another's: nothing comes from them once this returns."""
        self._end(list(source_ids), paused=False)

    def watch(self) -> None:
        """Raise when a capture has died; its stack trace was printed when it did."""
        for source_id, capture in self._captures.items():
            if capture.has_died:
                raise RuntimeError(f"the capture of camera {source_id} has ended by itself; its stack trace is above")
        self._around.metrics.of(m.CAMERAS).set(len(self._captures))

    def _end(self, source_ids: list[str], *, paused: bool) -> None:
        ending = [capture for source_id in source_ids if (capture := self._captures.pop(source_id, None)) is not None]
        for capture in ending:
            capture.stop()
        deadline = time.monotonic() + END_SECONDS
        for capture in ending:
            capture.end(deadline - time.monotonic(), paused=paused)


def _is_same(one: Source, other: Source) -> bool:
    """Whether a capture of `one` is a capture of `other`: names and labels are nothing to it."""
    return _captured(one) == _captured(other)


def _captured(source: Source) -> tuple[object, ...]:
    return source.life, source.url, source.sample_fps, source.record, source.wanted

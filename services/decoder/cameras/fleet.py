"""The cameras that a process owns: one capture each, begun and ended as their sources say, and watched."""

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from schemas.messages import Source, SourceStatus
from services.decoder import metrics as m
from services.decoder.cameras.capture import Capture, Surroundings

END_SECONDS: Final = 1.0
"""How long the end of a capture is waited for: a camera that sends ends with its next packet, one that hangs much later."""


@dataclass
class Ending:
    """A capture that was stopped, until when its end is waited for, and what is wanted of its camera after that."""

    capture: Capture
    until: float
    then: tuple[Source, SourceStatus | None] | None = None


class Fleet:
    """All of it is called from the loop's thread; captures run on their own, and the death of one is the death of the process.

    A capture whose camera is wanted otherwise ends while the loop goes on, and the next one begins when it has ended.

    A camera that was lost may be nobody's: a broker that stood still puts all members out of their groups. So it is captured on
    until another speaks for it, and when it is ours again its capture has never ended.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._captures: dict[str, Capture] = {}
        self._kept: dict[str, Capture] = {}
        self._ending: dict[str, Ending] = {}

    @property
    def captures(self) -> Mapping[str, Capture]:
        """The captures of cameras that are ours, by source."""
        return self._captures

    def take(self, source: Source, known: SourceStatus | None, *, told: bool) -> None:
        """Do what is wanted of a camera. `told`: someone has just asked for it, so one that is away is tried at once."""
        if (kept := self._kept.pop(source.source_id, None)) is not None:
            kept.come_back()
            self._captures[source.source_id] = kept
        running = self._captures.get(source.source_id)
        if running is not None and _is_same(running.source, source):
            if told:
                running.look_again()
            return
        self._stop(source.source_id)
        if (ending := self._ending.get(source.source_id)) is not None:
            ending.then = source, known
        else:
            self._begin(source, known)

    def hear(self, source: Source, status: SourceStatus) -> None:
        """Take in what is said of a camera of ours, by whoever it is."""
        if status.life != source.life:
            return
        if (capture := self._captures.get(source.source_id)) is not None:
            capture.hear(status)
        elif source.wanted == "paused" and status.state != "paused" and source.source_id not in self._ending:
            self._begin(source, status)

    def say_again(self, source: Source, known: SourceStatus) -> None:
        """Say how a camera of ours is: the last word of it is of a life that is over, and hides what is `known`."""
        if (capture := self._captures.get(source.source_id)) is not None:
            capture.speak_up()
        elif source.wanted == "paused" and source.source_id not in self._ending:
            self._begin(source, msgspec.structs.replace(known, state="waiting"))  # that it rests is only said as news

    def overhear(self, status: SourceStatus) -> None:
        """End the capture of a camera that was lost if another speaks for it."""
        kept = self._kept.get(status.source_id)
        if kept is not None and not kept.is_own(status) and status.life == kept.source.life:
            self._stop(status.source_id)

    def reconsider(self, source: Source) -> None:
        """End the capture of a camera that was lost if it is wanted otherwise now."""
        if (kept := self._kept.get(source.source_id)) is not None and not _is_same(kept.source, source):
            self._stop(source.source_id)
            if source.life != kept.source.life or source.wanted == "removed":
                kept.end(0.0)

    def drop(self, source_id: str) -> None:
        """Capture a source no more. Its life is over, so nothing more is said in it, though the capture takes a while to end."""
        self._stop(source_id)
        if (ending := self._ending.get(source_id)) is not None:
            ending.then = None
            ending.capture.end(0.0)

    def keep(self, source_ids: Collection[str]) -> None:
        """Go on with cameras that were lost, but for those that another has spoken for: of it nothing more may be heard."""
        kept = {one: self._captures[one] for one in source_ids if one in self._captures and not self._captures[one].is_contested}
        for source_id in kept:
            del self._captures[source_id]
        self.forget(source_ids)
        self._kept.update(kept)

    def keeps(self, source_ids: Iterable[str]) -> bool:
        """Return whether any of these cameras was lost and is captured on."""
        return not self._kept.keys().isdisjoint(source_ids)

    def let_go(self) -> None:
        """End the captures of cameras that were lost."""
        self.forget(list(self._kept))

    def close(self) -> None:
        """End all captures, also those of partitions that were not given up in order, and wait for what is ending."""
        self.forget([*self._captures, *self._kept, *self._ending])

    def forget(self, source_ids: Collection[str]) -> None:
        """End the captures of sources that are another's from now on: nothing comes from them once this returns."""
        for source_id in source_ids:
            self._stop(source_id)
        for ending in [ending for source_id in source_ids if (ending := self._ending.pop(source_id, None)) is not None]:
            ending.capture.end(ending.until - time.monotonic())

    def watch(self) -> None:
        """Go on from captures that have ended; raise when one has died, whose stack trace was printed when it did."""
        for source_id, ending in list(self._ending.items()):
            if ending.capture.has_ended or time.monotonic() >= ending.until:
                del self._ending[source_id]
                self._follow(ending)
        filmed = {**self._captures, **self._kept}
        for source_id, capture in filmed.items():
            if capture.has_died:
                raise RuntimeError(f"the capture of camera {source_id} has ended by itself; its stack trace is above")
        self._around.metrics.of(m.CAMERAS).set(len(filmed))

    def _stop(self, source_id: str) -> None:
        if (capture := self._captures.pop(source_id, None) or self._kept.pop(source_id, None)) is not None:
            capture.stop()
            self._ending[source_id] = Ending(capture, time.monotonic() + END_SECONDS)

    def _follow(self, ending: Ending) -> None:
        source, known = ending.then or (None, None)
        rests = source is not None and source.wanted == "paused" and source.life == ending.capture.source.life
        ending.capture.end(0.0, paused=rests)
        if source is not None and not rests:
            self._begin(source, known)

    def _begin(self, source: Source, known: SourceStatus | None) -> None:
        capture = Capture(source, known, self._around)
        if source.wanted == "running":
            self._captures[source.source_id] = capture
            capture.start()
        else:
            capture.rest()


def _is_same(one: Source, other: Source) -> bool:
    """Whether a capture of `one` is a capture of `other`: names and labels are nothing to it."""
    return _captured(one) == _captured(other)


def _captured(source: Source) -> tuple[object, ...]:
    return source.life, source.url, source.sample_fps, source.record, source.wanted

"""Cameras that come back: how soon each is sampled again, and whether what lies before and after it is kept apart. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.faults import Kind

SAMPLED_WITHIN_SECONDS: Final = 3.0
GOP_MS: Final = 1000
"""Who connects gets what was shown since the last keyframe, and a stall ends with that."""
CLOCK_OFF_MS: Final = 2000
"""So far a camera's clock may be off and is still believed."""
MOVING_MS: Final = 8000
"""So long after a decoder came or went its cameras may be nobody's: a session, a start, an assignment."""


@dataclass(frozen=True)
class Sample:
    """A sample of a camera: when it was sent, where that is known, and its own time."""

    at_ms: int
    t_ms: int
    run: int


@dataclass(frozen=True)
class Return:
    """A camera sends again, or otherwise than before. `ends_run`: what comes now must be another run."""

    source_id: str
    kind: Kind
    began_ms: int
    back_ms: int
    ends_run: bool


@dataclass(frozen=True)
class Absence:
    """A process that a fault was on, and when."""

    service: str
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Resumption:
    """What became of a return. `seconds` is None where the camera was never sampled again; `bridged` are runs that went on.

    `owner_away`: the camera was nobody's for a part of that time. `within_seconds` is how long it may take, with what that adds.
    """

    of: Return
    seconds: float | None
    owner_away: bool = False
    bridged: tuple[int, ...] = ()
    within_seconds: float = SAMPLED_WITHIN_SECONDS

    def complaints(self) -> list[str]:
        """Return what is not as it must be."""
        name = f"{self.of.source_id} after {self.of.kind}"
        told = [f"{name}: run {run} reaches over the gap" for run in self.bridged]
        if self.seconds is None:
            return told or [f"{name}: never sampled again"]
        if self.seconds > self.within_seconds:
            told.append(f"{name}: sampled again after {self.seconds:.1f} s, at most {self.within_seconds:.0f} are right")
        return told


def moving(away: Sequence[Absence]) -> list[Absence]:
    """Return when the owner of a camera may have been another than before, or nobody: around each absence of a decoder.

    Kafka alone can give its cameras to somebody: where it goes before that is done, it is done after it is back.
    """
    of_kafka = sorted((one for one in away if one.service == "kafka"), key=lambda one: one.since_ms)
    found = []
    for one in (one for one in away if one.service == "decoder"):
        until_ms = one.until_ms + MOVING_MS
        for gone in of_kafka:
            if gone.since_ms <= until_ms and gone.until_ms >= one.since_ms:
                until_ms = max(until_ms, gone.until_ms + MOVING_MS)
        found.append(Absence(one.service, one.since_ms, until_ms))
    return found


def resumptions(
    returns: Sequence[Return], samples: Mapping[str, Sequence[Sample]], away: Sequence[Absence],
    within_seconds: float = SAMPLED_WITHIN_SECONDS,
) -> list[Resumption]:  # fmt: skip
    """Judge every return; `away` are the times when the owner of a camera may have been another than before, or nobody."""
    return [_judged(one, samples.get(one.source_id, ()), away, within_seconds) for one in returns]


def _judged(one: Return, samples: Sequence[Sample], away: Sequence[Absence], within_seconds: float) -> Resumption:
    before = {sample.run for sample in samples if one.ends_run and sample.t_ms < one.began_ms}
    bridged = {sample.run for sample in samples if sample.run in before and sample.t_ms > one.back_ms + 2 * GOP_MS}
    next_ms = min((sample.at_ms for sample in samples if sample.run not in before and _is_after(one, sample)), default=None)
    due_ms = deadline_ms(one, away, within_seconds)
    until_ms = due_ms if next_ms is None else min(next_ms, due_ms)
    owner_away = any(absence.since_ms <= until_ms and absence.until_ms >= one.back_ms for absence in away)
    seconds = None if next_ms is None else (next_ms - one.back_ms) / 1000
    return Resumption(one, seconds, owner_away, tuple(sorted(bridged)), (due_ms - one.back_ms) / 1000)


def deadline_ms(one: Return, away: Sequence[Absence], within_seconds: float) -> int:
    """Return by when a camera must be sampled again: so soon after it is back, or after an absence that began by then, and so on.
    What begins later is no excuse: else the longer a camera waits, the surer it has one."""
    within_ms = round(1000 * within_seconds)
    due_ms = one.back_ms + within_ms
    for absence in sorted(away, key=lambda absence: absence.since_ms):
        if absence.since_ms <= due_ms and absence.until_ms >= one.back_ms:
            due_ms = max(due_ms, absence.until_ms + within_ms)
    return due_ms


def _is_after(one: Return, sample: Sample) -> bool:
    """Whether a sample was sent after a return, and taken then too: a decoder that was frozen sends late what it had taken."""
    return sample.at_ms >= one.back_ms and sample.t_ms >= one.back_ms - GOP_MS - CLOCK_OFF_MS

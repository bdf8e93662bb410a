"""What a run has shown, as a table. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.faults import CAMERA, FULL, TARGETS, Kind
from tests.chaos.returns import Resumption
from tests.comparison import Differences

KINDS: tuple[tuple[Kind, str], ...] = (
    ("kill", "kill -9"),
    ("freeze", "SIGSTOP"),
    ("leave", "left"),
    ("join", "joined"),
    ("slow", "slow"),
    ("refuse", "refusing"),
    ("full", "full"),
)
CAMERA_KINDS: tuple[tuple[Kind, str], ...] = (
    ("kill", "killed"),
    ("freeze", "frozen"),
    ("stall", "stalled"),
    ("resize", "resized"),
    ("recode", "recoded"),
    ("skew", "clock"),
    ("unreported", "no clock"),
    ("jump", "jump"),
    ("wrap", "wrap"),
)

MOST_CRASHES: Final = 3
"""While Kafka is killed or frozen a library may fail in a way that a start mends: now and then one does, no more."""
_CRASHED: Final = re.compile(r"(?:asked to leave, )?(?!kafka\b|milvus\b)\S+ (?:ended with status (?!0\b)|was (?:killed|ended) )")


@dataclass
class Report:
    """What a run has shown. Rows, and stalls in seconds, are by what they are of: `files`, `cameras`."""

    seed: int
    kills: int
    faults: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    rows: Mapping[str, Differences] = field(default_factory=dict)
    stalls: Mapping[str, float] = field(default_factory=dict)
    resumptions: Sequence[Resumption] = ()
    gaps: Sequence[str] = ()
    """When cameras were not sampled for no reason."""
    untold: Sequence[str] = ()
    """What no status says of a full disk."""
    drain_seconds: float = 0.0
    sources: int = 0
    unfinished: Sequence[str] = ()
    """What was not done in time: a reason by itself to fail."""
    ended: Sequence[str] = ()
    """Processes that ended by themselves, and how. A local stack starts them again; rows say whether that was harmless, and more
    than `MOST_CRASHES` of our services are none."""
    notes: Sequence[str] = ()

    @property
    def is_clean(self) -> bool:
        """Whether every row is the one of an uninterrupted run, everything was done in time, and hardly anybody has crashed."""
        is_whole = not any(differences.lines() for differences in self.rows.values())
        return is_whole and not self.late and not self.unfinished and len(self.crashes) <= MOST_CRASHES

    @property
    def crashes(self) -> list[str]:
        """Which of our services have ended otherwise than well, or had to be killed when they were asked to leave."""
        return [line for line in self.ended if _CRASHED.match(line)]

    @property
    def late(self) -> list[str]:
        """What was not right when a camera came back, where one was dark that had never gone, and what its status hides."""
        return [*(line for resumption in self.resumptions for line in resumption.complaints()), *self.gaps, *self.untold]


def lines(report: Report) -> list[str]:
    """Return the table."""
    return [*_faults(report), *_camera_faults(report), "", *_rows(report), "", *_times(report), _verdict(report)]


def _faults(report: Report) -> list[str]:
    told = [f"{'faults':<14}" + "".join(f"{name:>10}" for _, name in KINDS)]
    for target in (*TARGETS, FULL[1]):
        times = [report.faults[kind, target] for kind, _ in KINDS]
        if any(times):
            told.append(f"{target:<14}" + "".join(f"{count or '·':>10}" for count in times))
    return [*told, f"{'all':<14}" + "".join(f"{sum(_of_kind(report, kind)):>10}" for kind, _ in KINDS)]


def _of_kind(report: Report, kind: Kind) -> list[int]:
    return [count for (of, target), count in report.faults.items() if of == kind and target != CAMERA]


def _camera_faults(report: Report) -> list[str]:
    times = [report.faults[kind, CAMERA] for kind, _ in CAMERA_KINDS]
    if not any(times):
        return []
    named = "".join(f"{name:>10}" for _, name in CAMERA_KINDS)
    return ["", f"{'cameras':<14}{named}", f"{'all':<14}" + "".join(f"{count or '·':>10}" for count in times)]


def _rows(report: Report) -> list[str]:
    told = [f"{'rows':<14}{'expected':>10}{'missing':>10}{'wrong':>10}{'twice':>10}{'extra':>10}{'longest stall':>16}"]
    for name, found in report.rows.items():
        counts = (found.expected, len(found.missing), len(found.wrong), len(found.twice), len(found.extra))
        stall = f"{report.stalls.get(name, 0.0):.1f} s"
        told.append(f"{name:<14}" + "".join(f"{count:>10}" for count in counts) + f"{stall:>16}")
    return told


def _times(report: Report) -> list[str]:
    told = [f"{report.sources} sources; drained {report.drain_seconds:.1f} s after the last fault was over"]
    told += _returns(report)
    told += [f"ended by itself: {line}" for line in report.ended]
    if len(report.crashes) > MOST_CRASHES:
        told.append(f"{len(report.crashes)} crashes of services, at most {MOST_CRASHES} are right")
    told += [f"not done in time: {line}" for line in report.unfinished]
    return [*told, *report.late, *report.notes]


def _returns(report: Report) -> list[str]:
    """Return how long cameras that were back waited for their next sample: the longest of all, and of when decoders were away."""
    found = [(one.owner_away, one.seconds) for one in report.resumptions if one.seconds is not None]
    there, away = ([seconds for is_away, seconds in found if is_away is kind] for kind in (False, True))
    told = [f"camera back → next sample: {max(there):.1f} s at the longest, of {len(there)} times"] if there else []
    if away:
        told.append(f"while decoders came and went: {max(away):.1f} s at the longest, of {len(away)} times")
    return told


def _verdict(report: Report) -> str:
    run = f"seed {report.seed}, {sum(report.faults.values())} faults"
    if report.is_clean:
        return f"{run}: nothing lost, nothing wrong, nothing twice"
    return f"{run}: NOT what an uninterrupted run makes; again with: make chaos SEED={report.seed} KILLS={report.kills}"

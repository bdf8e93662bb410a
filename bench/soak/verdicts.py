"""What T7 asks of a soak, and whether it was so. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor
from typing import Final

import numpy as np

from bench.processes import BUDGET_MB
from bench.soak.due import (
    MINUTE_SECONDS,
    cameras_touched,
    import_minutes,
    longest_away_seconds,
    presence,
    warm_seconds,
    watched_seconds,
)
from bench.soak.samples import Points, Samples
from bench.soak.slope import HOUR_SECONDS, TENTHS, Slope, medians, saw, theil_sen, warm

PARTS: Final = tuple(BUDGET_MB)
"""Processes that are judged, by the names that the bench has for them; what else is measured is shown alone."""
JUDGED: Final = ("memory_mb", "handles")
MEMORY_SHARE_AN_HOUR: Final = 0.01
HANDLES_AN_HOUR: Final = 1.0
RISE_TIMES: Final = 2.0
"""The last tenth may be higher than the first by so many times what the slope may add in an hour, or in the time where that is
longer: in minutes it may add less than one file handle."""
BUFFERED: Final = "milvus"
WITHOUT_BUFFER: Final = f"{BUFFERED} without its log's write buffers"
WRITE_BUFFERS_MB: Final = 2 * 64
"""What the write buffers of Milvus's log and of the log's own index may hold: RocksDB empties each at 64 MiB."""
FRESH_SECONDS: Final = {"without an import": (0.5, 1.5), "with an import": (0.9, 3.0)}
"""S3: p50 and p99 of capture → found, in minutes without and with an import."""
CONFIRMED_SHARE: Final = 0.99
"""Of the samples that are due: with a hundredth missing nothing could be said of the 99th in a hundred."""
LOOKS_APART_SECONDS: Final = 10.0
"""Rows are noted at looks, one at a random moment of every five seconds: those of the last seconds are not on the file."""


@dataclass(frozen=True)
class Verdict:
    """One target: what it is, what was seen, whether that meets it."""

    target: str
    seen: str
    is_met: bool


@dataclass(frozen=True)
class Trend:
    """How a value of one process went after the warm-up: its median in the first and last tenth, the most, the slope, and how far
    it goes up and down anyway."""

    first: float
    last: float
    most: float
    slope: Slope
    hours: float
    saw: float

    @property
    def rise(self) -> float:
        """What the last tenth has more than the first."""
        return self.last - self.first


def verdicts(samples: Samples) -> list[Verdict]:
    """Return what became of every target, in the order in which a reader asks for them."""
    return [
        _ran_whole(samples),
        _flat(samples, "memory_mb", "memory flat: slope at most 1 % an hour, or its interval reaches zero; no step"),
        *_buffers_bounded(samples),
        _flat(samples, "handles", "file handles flat: slope at most 1 an hour, or its interval reaches zero; no step"),
        _drained(samples),
        *(_fresh(samples, when) for when in FRESH_SECONDS),
        _confirmed(samples),
        _nothing_ended(samples),
        _nothing_failed(samples),
    ]


def trend(samples: Samples, points: Points) -> Trend | None:
    """Return how a value went, None where there is too little of it to say: it must be in nearly all looks and in the last."""
    kept = warm(points, samples.ended_seconds)
    stretched = medians(kept)
    if len(stretched) < 3 or not presence(samples, points).is_enough:
        return None
    tenths = medians(kept, TENTHS)
    return Trend(
        first=tenths[0][1],
        last=tenths[-1][1],
        most=max(value for _, value in kept),
        slope=theil_sen(stretched),
        hours=(kept[-1][0] - kept[0][0]) / HOUR_SECONDS,
        saw=saw(kept),
    )


def judged(samples: Samples, what: str) -> dict[str, Points]:
    """Return what must be flat, memory (`memory_mb`) or handles of each process.

    Milvus is judged without what the write buffers of its log hold: they fill for half an hour and begin anew, which is neither
    growth nor noise in an hour. They have a bound of their own.
    """
    found = {part: samples.of(what).get(part, []) for part in PARTS}
    buffers = samples.of("write_buffer_mb").get(BUFFERED, [])
    if what != "memory_mb" or not buffers:
        return found
    times = [at for at, _ in buffers]
    less = [(at, value - buffers[max(0, bisect_right(times, at) - 1)][1]) for at, value in found[BUFFERED]]
    return {WITHOUT_BUFFER if part == BUFFERED else part: less if part == BUFFERED else points for part, points in found.items()}


def is_flat(what: str, seen: Trend) -> bool:
    """Return whether a process keeps what of `JUDGED` is asked: no slope, and no step."""
    return seen.slope.is_flat(_tolerated_an_hour(what, seen)) and is_without_step(what, seen)


def is_without_step(what: str, seen: Trend) -> bool:
    """Return whether the last tenth is higher than the first by at most twice what the slope may add in that time, or by no more
    than the value goes up and down within a tenth anyway.

    The slope alone does not say so: most pairs of stretches lie on the same side of a single step, however high it is.
    """
    return seen.rise <= max(RISE_TIMES * _tolerated_an_hour(what, seen) * max(1.0, seen.hours), seen.saw)


def freshness(samples: Samples, when: str) -> Sequence[float]:
    """Return the seconds from capture to found of all samples after the warm-up, of the minutes `with an import` or `without an
    import` in which they were taken."""
    imports = import_minutes(samples)
    taken = sorted((at - seconds, seconds) for at, seconds in samples.all("found_seconds"))
    return [
        seconds
        for at, seconds in warm(taken, samples.ended_seconds)
        if (at // MINUTE_SECONDS in imports) == (when == "with an import")
    ]


def quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    median, high = np.percentile(seconds, [50, 99])
    return float(median), float(high)


def _ran_whole(samples: Samples) -> Verdict:
    planned = max((value for _, value in samples.all("planned_minutes")), default=0.0)
    ran = samples.ended_seconds / MINUTE_SECONDS
    return Verdict("the load lasts as long as it should", f"{ran:.1f} of {planned:g} minutes", bool(samples.of("load_ended")))


def _flat(samples: Samples, what: str, target: str) -> Verdict:
    found = [_not_flat(samples, what, part, points) for part, points in judged(samples, what).items()]
    said = [one for one in found if one]
    return Verdict(target, ", ".join(said) or "all are", not said)


def _not_flat(samples: Samples, what: str, part: str, points: Points) -> str:
    """Return what speaks against a process, nothing where it is flat."""
    seen = trend(samples, points)
    if seen is None:
        return f"too little seen of {part} ({presence(samples, points)})"
    if is_flat(what, seen):
        return ""
    slope = f"{part} {seen.slope.an_hour:+.1f} an hour"
    return slope if is_without_step(what, seen) else f"{slope} and {seen.rise:+.1f} from the first tenth to the last"


def _tolerated_an_hour(what: str, seen: Trend) -> float:
    return MEMORY_SHARE_AN_HOUR * seen.first if what == "memory_mb" else HANDLES_AN_HOUR


def _buffers_bounded(samples: Samples) -> list[Verdict]:
    held = [value for _, value in samples.of("write_buffer_mb").get(BUFFERED, [])]
    if not held:
        return []
    emptied = sum(later < earlier / 2 for earlier, later in pairwise(held))
    target = f"the write buffers of Milvus's log hold at most {WRITE_BUFFERS_MB} MB"
    return [Verdict(target, f"{max(held):.0f} MB at most, emptied {emptied} times", max(held) <= WRITE_BUFFERS_MB)]


def _drained(samples: Samples) -> Verdict:
    took = samples.of("drained_seconds").get("all", [])
    target = "lag zero at the end"
    if took:
        return Verdict(target, f"zero {took[-1][1]:.1f} s after the load", is_met=True)
    left = {topic: points[-1][1] for topic, points in samples.of("unread").items() if points[-1][1]}
    return Verdict(target, ", ".join(f"{topic} {count:g}" for topic, count in left.items()) or "not looked at", is_met=False)


def _fresh(samples: Samples, when: str) -> Verdict:
    """Judge p50 and p99 of all samples that were due, not only of those that were found.

    One that is missing counts as if it took the whole load, also where the search for it still waited at the end. The one of the
    last second may be on its way.
    """
    median_target, high_target = FRESH_SECONDS[when]
    target = f"capture → found, minutes {when}: p50 ≤ {median_target:g} s, p99 ≤ {high_target:g} s"
    found = freshness(samples, when)
    due_seconds = watched_seconds(samples, with_import=when == "with an import")
    if not found:
        return Verdict(target, "there were none", is_met=when == "with an import" and not due_seconds)
    missing = max(0, floor(due_seconds) - 1 - len(found))
    median, high = quantiles([*found, *[samples.ended_seconds] * missing])
    seen = f"{median:.2f} s, {high:.2f} s of {len(found)} samples{f', {missing} never found' if missing else ''}"
    return Verdict(target, seen, median <= median_target and high <= high_target)


def _confirmed(samples: Samples) -> Verdict:
    """Judge how many samples of each camera got a row; those that did not are not on the file.

    Which camera has which place in the schedule is not on it either: each may lack what the one lacked that was away longest.
    """
    target = "capture → row: of each camera at least 99 % of the samples outside pauses and removals"
    rows = {camera: len(warm(points, samples.ended_seconds)) for camera, points in samples.of("confirmed_seconds").items()}
    due = warm_seconds(samples) - longest_away_seconds(samples)
    few = [f"{camera} {count}" for camera, count in rows.items() if count < CONFIRMED_SHARE * (due - LOOKS_APART_SECONDS)]
    unseen = cameras_touched(samples) - len(rows)
    said = [*few, *([f"none of {unseen} cameras"] if unseen > 0 else [])]
    least = min(rows.values(), default=0)
    return Verdict(target, f"{', '.join(said) or f'{least} or more'} where {due:.0f} were due", not said)


def _nothing_ended(samples: Samples) -> Verdict:
    said = []
    for part in PARTS:
        pids = [(at, pid) for at, pid in samples.of("pid").get(part, []) if pid]  # 0: it ended while it was looked at
        if len({pid for _, pid in pids}) > 1:
            said.append(f"{part} was started again")
        if not presence(samples, pids).is_in_last:
            said.append(f"{part} is not there at the end")
    return Verdict("no process ends", ", ".join(said) or "none did", not said)


def _nothing_failed(samples: Samples) -> Verdict:
    failed = samples.words("failed")
    letters = max((count for _, count in samples.all("dead_letters")), default=0.0)
    said = [*failed, *([f"{letters:g} dead letters"] if letters else [])]
    return Verdict("no request fails, no dead letter, all cameras run at the end", "; ".join(said) or "so it was", not said)

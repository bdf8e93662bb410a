"""What T7 asks of a soak, and whether it was so. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from bench.processes import BUDGET_MB
from bench.soak.samples import Points, Samples
from bench.soak.slope import Slope, medians, theil_sen, warm

PARTS: Final = tuple(BUDGET_MB)
"""Processes that are judged, by the names that the bench has for them; what else is measured is shown alone."""
JUDGED: Final = ("memory_mb", "handles")
MEMORY_SHARE_AN_HOUR: Final = 0.01
HANDLES_AN_HOUR: Final = 1.0
BUFFERED: Final = "milvus"
WITHOUT_BUFFER: Final = f"{BUFFERED} without its log's write buffers"
WRITE_BUFFERS_MB: Final = 2 * 64
"""What the write buffers of Milvus's log and of the log's own index may hold: RocksDB empties each at 64 MiB."""
FRESH_SECONDS: Final = {"without an import": (0.5, 1.5), "with an import": (0.9, 3.0)}
"""S3: p50 and p99 of capture → found, in minutes without and with an import."""
MINUTE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Verdict:
    """One target: what it is, what was seen, whether that meets it."""

    target: str
    seen: str
    is_met: bool


@dataclass(frozen=True)
class Trend:
    """How a value of one process went after the warm-up: its median in the first and last tenth, the most, the slope."""

    first: float
    last: float
    most: float
    slope: Slope


def verdicts(samples: Samples) -> list[Verdict]:
    """Return what became of every target, in the order in which a reader asks for them."""
    return [
        _ran_whole(samples),
        _flat(samples, "memory_mb", "memory flat: slope at most 1 % an hour, or its interval reaches zero"),
        *_buffers_bounded(samples),
        _flat(samples, "handles", "file handles flat: slope at most 1 an hour, or its interval reaches zero"),
        _drained(samples),
        *(_fresh(samples, when) for when in FRESH_SECONDS),
        _nothing_ended(samples),
        _nothing_failed(samples),
    ]


def trend(points: Points, ended_seconds: float) -> Trend | None:
    """Return how a value went, None where there is too little of it to say."""
    kept = warm(points, ended_seconds)
    stretched = medians(kept)
    if len(stretched) < 3:
        return None
    tenths = medians(kept, 10)
    return Trend(tenths[0][1], tenths[-1][1], max(value for _, value in kept), theil_sen(stretched))


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
    """Return whether a process keeps what of `JUDGED` is asked."""
    return seen.slope.is_flat(MEMORY_SHARE_AN_HOUR * seen.first if what == "memory_mb" else HANDLES_AN_HOUR)


def freshness(samples: Samples, when: str) -> Sequence[float]:
    """Return the seconds from capture to found after the warm-up, of the minutes `with an import` or `without an import`."""
    imports = {at // MINUTE_SECONDS for at, _ in samples.of("act").get("import", [])}
    found = warm(samples.all("found_seconds"), samples.ended_seconds)
    return [seconds for at, seconds in found if (at // MINUTE_SECONDS in imports) == (when == "with an import")]


def quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    median, high = np.percentile(seconds, [50, 99])
    return float(median), float(high)


def _ran_whole(samples: Samples) -> Verdict:
    planned = max((value for _, value in samples.all("planned_minutes")), default=0.0)
    ran = samples.ended_seconds / MINUTE_SECONDS
    return Verdict("the load lasts as long as it should", f"{ran:.1f} of {planned:g} minutes", bool(samples.of("load_ended")))


def _flat(samples: Samples, what: str, target: str) -> Verdict:
    trends = {part: trend(points, samples.ended_seconds) for part, points in judged(samples, what).items()}
    unknown = [part for part, one in trends.items() if one is None]
    growing = [f"{part} {one.slope.an_hour:+.1f} an hour" for part, one in trends.items() if one and not is_flat(what, one)]
    said = [*growing, *(f"too little seen of {part}" for part in unknown)]
    return Verdict(target, ", ".join(said) or "all are", not said)


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
    median_target, high_target = FRESH_SECONDS[when]
    target = f"capture → found, minutes {when}: p50 ≤ {median_target:g} s, p99 ≤ {high_target:g} s"
    found = freshness(samples, when)
    if not found:
        return Verdict(target, "there were none", is_met=when == "with an import")
    median, high = quantiles(found)
    return Verdict(
        target, f"{median:.2f} s, {high:.2f} s of {len(found)} samples", median <= median_target and high <= high_target
    )


def _nothing_ended(samples: Samples) -> Verdict:
    pids = samples.of("pid")
    again = [part for part in PARTS if len({pid for _, pid in pids.get(part, [])}) > 1]
    return Verdict("no process ends", f"{', '.join(again)} was started again" if again else "none did", not again)


def _nothing_failed(samples: Samples) -> Verdict:
    failed = samples.words("failed")
    letters = max((count for _, count in samples.all("dead_letters")), default=0.0)
    said = [*failed, *([f"{letters:g} dead letters"] if letters else [])]
    return Verdict("no request fails, no dead letter, all cameras run at the end", "; ".join(said) or "so it was", not said)

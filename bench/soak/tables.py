"""A soak as tables in Markdown: its targets, its processes, its course. Pure."""

from collections.abc import Sequence
from math import ceil
from typing import Final

import numpy as np

from bench.soak.due import MINUTE_SECONDS
from bench.soak.samples import Points, Samples
from bench.soak.verdicts import JUDGED, PARTS, Verdict, is_flat, judged, quantiles, trend

ROWS: Final = 12
DISTURBED_CORES: Final = 0.3
SHORT_SECONDS: Final = 2700.0
"""Below this the rule of flat judges caches and heaps that still fill."""
HELD: Final = {
    "memory_mb": ("memory, MB", ".1f"),
    "anonymous_mb": ("of it not of files, MB", ".1f"),
    "handles": ("file handles", ".0f"),
}
HELD_COLUMNS: Final = ("first tenth", "last tenth", "most", "an hour (95 % interval)", "")
COURSE_COLUMNS: Final = (
    "minutes", "memory, MB", "handles", "unread, most", "capture → found p50, s", "p99", "capture → row p50, s", "p99",
    "rows", "media, MB", "Kafka, MB", "Milvus, MB",
)  # fmt: skip


def tables(samples: Samples, found: Sequence[Verdict]) -> str:
    """Return the targets, the processes and the course of time as Markdown."""
    about = "; ".join(samples.words("planned_minutes"))
    used = cores_in_use(samples)
    cores = ", ".join(f"{name} {each:.2f}" for name, each in used.items())
    short = samples.ended_seconds < SHORT_SECONDS
    disturbed = used["other programs"] > DISTURBED_CORES
    parts = [
        *(["**A short run**: it shows that the command works, and says nothing of memory and handles yet."] if short else []),
        *(["**A disturbed run**: other programs had much of the machine, and the times are theirs too."] if disturbed else []),
        f"{about}. Cores in use on average: {cores}.",
        _table(
            ("target", "seen", ""), [(one.target, one.seen, "met" if one.is_met else "**missed**") for one in found], side="---"
        ),
        "After the warm-up:",
        *(_held(samples, what) for what in HELD if samples.of(what)),
        _table(("", "threads, most", "cores"), [_used_row(samples, part) for part in PARTS]),
        "Over time, medians unless said:",
        _table(COURSE_COLUMNS, _course(samples)),
    ]
    return "\n\n".join(parts) + "\n"


def cores_in_use(samples: Samples) -> dict[str, float]:
    """Return the cores that were in use on average by the stack, what feeds it, what looks on, and everything else."""
    used = {name: _rate(points) for name, points in samples.of("cpu_seconds").items()}
    stack = sum(used.get(part, 0.0) for part in PARTS)
    feeding, looking = used.get("cameras", 0.0), used.get("soak", 0.0)
    other = max(0.0, used.get("machine", 0.0) - stack - feeding - looking)
    return {"the stack": stack, "the cameras' server": feeding, "searches and measuring": looking, "other programs": other}


def _held(samples: Samples, what: str) -> str:
    """Return a row for each process, and for what is judged in its place."""
    flat = judged(samples, what) if what in JUDGED else {}
    shown = {part: samples.of(what).get(part, []) for part in PARTS} | flat
    rows = [_held_row(samples, what, part, points, is_judged=part in flat) for part, points in shown.items()]
    return _table((HELD[what][0], *HELD_COLUMNS), rows)


def _held_row(samples: Samples, what: str, part: str, points: Points, *, is_judged: bool) -> tuple[str, ...]:
    seen, form = trend(samples, points), HELD[what][1]
    if seen is None:
        return (part, *[""] * len(HELD_COLUMNS))
    slope = f"{seen.slope.an_hour:+.1f} ({seen.slope.low:+.1f} … {seen.slope.high:+.1f})"
    figures = [f"{value:{form}}" for value in (seen.first, seen.last, seen.most)]
    if not is_judged:
        return (part, *figures, slope, "not judged" if what in JUDGED else "")
    return (part, *figures, slope, "flat" if is_flat(what, seen) else "**grows**")


def _used_row(samples: Samples, part: str) -> tuple[str, ...]:
    threads = max((value for _, value in samples.of("threads").get(part, [])), default=0.0)
    return (part, f"{threads:.0f}", f"{_rate(samples.of('cpu_seconds').get(part, [])):.2f}")


def _course(samples: Samples) -> list[tuple[str, ...]]:
    """Return rows of whole minutes, at most `ROWS`."""
    each = MINUTE_SECONDS * max(1, ceil(samples.ended_seconds / MINUTE_SECONDS / ROWS))
    return [_stretch(samples, number * each, (number + 1) * each) for number in range(ceil(samples.ended_seconds / each))]


def _stretch(samples: Samples, began: float, ended: float) -> tuple[str, ...]:
    def within(points: Points) -> list[float]:
        return [value for at, value in points if began <= at < ended]

    def together(what: str) -> float:
        lines = [within(points) for name, points in samples.of(what).items() if name in PARTS]
        return sum(float(np.median(values)) for values in lines if values)

    def median(points: Points) -> str:
        values = within(points)
        return f"{np.median(values):.0f}" if values else ""

    def fresh(what: str) -> tuple[str, str]:
        values = within(samples.all(what))
        return (f"{quantiles(values)[0]:.2f}", f"{quantiles(values)[1]:.2f}") if values else ("", "")

    unread = max((value for value in within(samples.all("unread"))), default=0.0)
    disk = [median(samples.of("disk_mb").get(name, [])) for name in ("media", "kafka", "milvus")]
    minutes = f"{began / MINUTE_SECONDS:.0f}–{ended / MINUTE_SECONDS:.0f}"
    figures = (f"{together('memory_mb'):.0f}", f"{together('handles'):.0f}", f"{unread:.0f}")
    return (minutes, *figures, *fresh("found_seconds"), *fresh("confirmed_seconds"), median(samples.all("rows")), *disk)


def _rate(points: Points) -> float:
    return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0]) if len(points) > 1 else 0.0


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], side: str = "--:") -> str:
    """Return a table whose first column is words and whose others are on a `side`: figures unless said."""
    rule = ["---", *[side] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))

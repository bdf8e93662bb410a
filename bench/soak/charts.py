"""A soak as charts over time. Pure."""

from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean
from typing import Final

from bench.chart import GREY
from bench.soak.due import MINUTE_SECONDS
from bench.soak.samples import Points, Samples
from bench.soak.slope import WARM_UP_SHARE, medians
from bench.soak.timeline import COLOURS, Chart, Line, Span, coloured, draw
from bench.soak.verdicts import PARTS, quantiles

DRAWN: Final = 240
"""Points of a line at most: a chart has few more pixels."""
MARKED: Final = {"pause": 0, "remove": 1, "import": 2}
CAPTION: Final = (
    "along the bottom: minutes. Grey: warm-up. A triangle: a camera was paused (blue), one removed and added again (orange), "
    "a film imported (green)"
)


def plot(samples: Samples) -> str:
    """Return the whole soak as an SVG."""
    seconds = samples.ended_seconds
    acts = [(at, float(colour)) for kind, colour in MARKED.items() for at, _ in samples.of("act").get(kind, [])]
    charts = [
        Chart("resident memory, MB", coloured(_of_parts(samples, "memory_mb"))),
        Chart("file handles", coloured(_of_parts(samples, "handles"))),
        Chart("records unread, most of each minute", coloured(_unread(samples))),
        Chart("seconds from capture to found and to row, of each minute", _fresh_lines(samples)),
        Chart("cores in use", _cores(samples)),
        Chart("disk, MB", coloured(_disk(samples))),
    ]
    return draw(charts, Span(seconds, WARM_UP_SHARE * seconds, acts), CAPTION)


def _of_parts(samples: Samples, what: str) -> dict[str, Points]:
    return {part: medians(samples.of(what)[part], DRAWN) for part in PARTS if part in samples.of(what)}


def _loaded(samples: Samples, points: Points) -> Points:
    """Return what was seen while there was load: what came after is waiting for the end."""
    return [point for point in points if point[0] < samples.ended_seconds]


def _unread(samples: Samples) -> dict[str, Points]:
    return {
        topic: [(at, max(counts)) for at, counts in _by_minute(_loaded(samples, points)).items()]
        for topic, points in samples.of("unread").items() if any(count for _, count in points)
    }  # fmt: skip


def _fresh_lines(samples: Samples) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for colour, (name, what) in zip(COLOURS, {"found": "found_seconds", "row": "confirmed_seconds"}.items(), strict=False):
        minutes = _by_minute(_loaded(samples, samples.all(what)))
        lines[f"{name}, p50"] = Line([(at, quantiles(values)[0]) for at, values in minutes.items()], colour)
        lines[f"{name}, p99"] = Line([(at, quantiles(values)[1]) for at, values in minutes.items()], colour, is_thin=True)
    return lines


def _by_minute(points: Points) -> Mapping[float, list[float]]:
    """Return the values of each minute, by the mean of their times."""
    minutes: dict[float, list[tuple[float, float]]] = {}
    for at, value in points:
        minutes.setdefault(at // MINUTE_SECONDS, []).append((at, value))
    return {fmean(at for at, _ in seen): [value for _, value in seen] for seen in minutes.values()}


def _cores(samples: Samples) -> dict[str, Line]:
    used = {name: medians(_rates(points), DRAWN // 4) for name, points in samples.of("cpu_seconds").items()}
    lines = coloured({part: used[part] for part in PARTS if part in used})
    return {**lines, "the machine": Line(used.get("machine", []), GREY, is_thin=True)}


def _rates(points: Points) -> Points:
    return [
        ((before + after) / 2, max(0.0, (used - earlier) / (after - before)))
        for (before, earlier), (after, used) in pairwise(points) if after > before
    ]  # fmt: skip


def _disk(samples: Samples) -> dict[str, Points]:
    return {name: medians(_loaded(samples, points), DRAWN) for name, points in samples.of("disk_mb").items()}

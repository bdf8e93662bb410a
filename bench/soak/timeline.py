"""Charts over time as SVG, two in a row: many readings, one or a few lines each, readable on light and dark pages. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from bench.chart import GREY, label, round_step
from bench.soak.samples import Points

WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 62, 24
TICKS: Final = 4
ROUNDED_OFF: Final = 0.98
"""What is a hair over a round number is drawn over it: two cores that are busy need no axis up to four."""
COLUMNS: Final = 2
COLOURS: Final = ("#3b7dd8", "#d8743b", "#3ba55d", "#9b59b6", "#d03b5f", "#1fa3a3", "#a8871c")
LETTER_PIXELS: Final = 6.5
"""Width of a letter of the legend, near enough to place the next name."""


@dataclass(frozen=True)
class Line:
    """What one line shows; a thin one is there for comparison."""

    points: Points
    colour: str
    is_thin: bool = False


@dataclass(frozen=True)
class Chart:
    """A title with its unit, and lines by name."""

    title: str
    lines: Mapping[str, Line]


@dataclass(frozen=True)
class Span:
    """What all charts have along the bottom: how long it was, how much of it was warm-up, what happened when."""

    seconds: float
    warm_up_seconds: float
    marks: Points = ()
    """Moments, with the number of the colour of each."""


def coloured(lines: Mapping[str, Points]) -> dict[str, Line]:
    """Give each line a colour, in order."""
    return {name: Line(points, COLOURS[place % len(COLOURS)]) for place, (name, points) in enumerate(lines.items())}


def draw(charts: Sequence[Chart], span: Span, caption: str) -> str:
    """Return the charts, two in a row, and a line of text below."""
    width, height = COLUMNS * WIDTH, -(-len(charts) // COLUMNS) * HEIGHT
    body = "\n".join(
        f'<g transform="translate({place % COLUMNS * WIDTH} {place // COLUMNS * HEIGHT})">{_chart(chart, span)}</g>'
        for place, chart in enumerate(charts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 22}" width="{width}" height="{height + 22}" '
        f'font-family="sans-serif" font-size="11" fill="{GREY}">\n{body}\n{label(LEFT, height + 14, caption, "start")}\n</svg>\n'
    )


def _chart(chart: Chart, span: Span) -> str:
    most = max((value for line in chart.lines.values() for _, value in line.points), default=0.0)
    step = round_step(ROUNDED_OFF * (most or 1.0) / TICKS)

    def place(at: float, value: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * at / (span.seconds or 1.0)
        return round(across, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / (TICKS * step), 1)

    (left, top), (right, bottom) = place(0.0, TICKS * step), place(span.warm_up_seconds, 0.0)
    parts = [
        label(LEFT, 16, chart.title, "start", "bold"),
        f'<rect x="{left}" y="{top}" width="{right - left:.1f}" height="{bottom - top:.1f}" fill="{GREY}" fill-opacity=".12"/>',
        *_legend(chart.lines),
        *(_grid_line(place(0.0, tick * step), f"{tick * step:g}") for tick in range(TICKS + 1)),
        *(_minute(place(60.0 * minute, 0.0), f"{minute:g}") for minute in _minutes(span.seconds)),
        *(_mark(place(at, 0.0), int(colour)) for at, colour in span.marks),
        *(_polyline((place(*point) for point in line.points), name, line) for name, line in chart.lines.items()),
    ]
    return "".join(parts)


def _minutes(seconds: float) -> list[float]:
    """Return the minutes that have a number, some six of them."""
    step = round_step(seconds / 60 / 6) or 1.0
    return [number * step for number in range(int(seconds / 60 / step) + 1)]


def _grid_line(place: tuple[float, float], words: str) -> str:
    x, y = place
    return f'<path d="M{x} {y}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-opacity=".3"/>{label(x - 6, y + 4, words, "end")}'


def _minute(place: tuple[float, float], words: str) -> str:
    x, y = place
    return f'<path d="M{x} {y}v4" stroke="{GREY}"/>{label(x, y + 16, words, "middle")}'


def _mark(place: tuple[float, float], colour: int) -> str:
    x, y = place
    return f'<path d="M{x} {y}l-3 -6h6z" fill="{COLOURS[colour % len(COLOURS)]}"/>'


def _polyline(places: Iterable[tuple[float, float]], name: str, line: Line) -> str:
    path = " ".join(f"{x},{y}" for x, y in places)
    width, opacity = (1, 0.7) if line.is_thin else (1.8, 1)
    return (
        f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="{width}" stroke-opacity="{opacity}" '
        f'stroke-linejoin="round"><title>{escape(name)}</title></polyline>'
    )


def _legend(lines: Mapping[str, Line]) -> list[str]:
    """Return the names in as many rows as they take."""
    parts, left, top = [], float(LEFT), 26
    for name, line in lines.items():
        width = 24 + round(LETTER_PIXELS * len(name))
        if left + width > WIDTH:
            left, top = float(LEFT), top + 16
        y, height = (top + 4, 2) if line.is_thin else (top, 9)
        parts.append(f'<rect x="{left:g}" y="{y}" width="9" height="{height}" fill="{line.colour}"/>')
        parts.append(label(left + 13, top + 9, name, "start"))
        left += width
    return parts

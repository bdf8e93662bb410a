"""A row of small line charts as SVG, without a library: few points, a legend, readable on light and dark pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from pathlib import Path
from typing import Final

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 300, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 34, 40
TICKS: Final = 4
COLOURS: Final = ("#3b7dd8", "#d8743b", "#3ba55d", "#9b59b6")
GREY: Final = "#888"


@dataclass(frozen=True)
class Panel:
    """One chart: a title with its unit, what is along the bottom, and lines by name."""

    title: str
    across: str
    lines: Mapping[str, Points]


def write_chart(path: Path, panels: Sequence[Panel]) -> None:
    """Write the panels side by side; all have the same lines, so the legend stands once below."""
    names = list(panels[0].lines)
    width, height = WIDTH * len(panels), HEIGHT + 26
    drawn = [f'<g transform="translate({WIDTH * place} 0)">{_panel(panel)}</g>' for place, panel in enumerate(panels)]
    body = "\n".join([*drawn, _legend(names)])
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11" fill="{GREY}">\n{body}\n</svg>\n'
    )


def _panel(panel: Panel) -> str:
    most_x = max(x for points in panel.lines.values() for x, _ in points)
    step = round_step(max(y for points in panel.lines.values() for _, y in points) / TICKS)
    most_y = step * TICKS

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / most_x
        return round(across, 1), round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / most_y, 1)

    parts = [label(WIDTH / 2, 18, panel.title, "middle", "bold"), label(WIDTH / 2, HEIGHT - 8, panel.across, "middle")]
    for tick in range(TICKS + 1):
        left, y = place(0, tick * step)
        parts.append(f'<path d="M{left} {y}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-opacity=".3"/>')
        parts.append(label(left - 6, y + 4, f"{tick * step:g}", "end"))
    shown = sorted({x for points in panel.lines.values() for x, _ in points})
    parts += [label(place(x, 0)[0], HEIGHT - BOTTOM + 15, f"{x:g}", "middle") for x in shown]
    for colour, points in zip(COLOURS, panel.lines.values(), strict=False):
        parts += _line([place(x, y) for x, y in sorted(points)], colour)
    return "".join(parts)


def _line(places: Sequence[tuple[float, float]], colour: str) -> list[str]:
    path = " ".join(f"{x},{y}" for x, y in places)
    dots = [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
    return [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _legend(names: Sequence[str]) -> str:
    parts, left = [], LEFT
    for name, colour in zip(names, COLOURS, strict=False):
        parts.append(f'<rect x="{left}" y="{HEIGHT + 4}" width="12" height="12" fill="{colour}"/>')
        parts.append(label(left + 18, HEIGHT + 14, name, "start"))
        left += 40 + 7 * len(name)
    return "".join(parts)


def label(x: float, y: float, words: str, anchor: str, weight: str = "normal") -> str:
    """Return words at a place; `anchor` is `start`, `middle` or `end`."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'


def round_step(least: float) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least`."""
    power = 10.0 ** floor(log10(max(least, 1e-9)))
    return next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= least * (1 - 1e-9)) if least else float(ceil(least))

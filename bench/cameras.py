"""S2: what a live camera costs the decoder, against OpenCV that reads every frame; in turns, from the same cameras."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from bench.bus import Bus, by_source
from bench.footage import number_in, write_camera_clip
from bench.grids import Filled, Shown, deviation_ms, earliest_ms, filled
from bench.served import looping
from bench.usage import Usage, watch
from framebus.local.places import python_environment
from framebus.local.tether import tethered

TARGET: Final = 6.0
SIZE: Final = (1920, 1080)
GOPS_SECONDS: Final = (1, 4)
WAYS: Final = {
    "read": "OpenCV, `read` every frame",
    "grab": "OpenCV, `grab` every frame, `retrieve` one a second",
    "recording": "decoder, recording",
    "sampling": "decoder, not recording",
}
OURS: Final = ("recording", "sampling")


@dataclass(frozen=True)
class Turn:
    """One way at work for a while: what it used, and the pictures of each camera."""

    usage: Usage
    shown: dict[str, list[Shown]]


def measure(folder: Path, screen: Console, *, cameras: int, seconds: float, rounds: int) -> None:
    """Print the table of each GOP."""
    for gop_seconds in GOPS_SECONDS:
        clip = write_camera_clip(folder / f"gop-{gop_seconds}.mp4", SIZE, gop_seconds)
        home = folder / f"bus-{gop_seconds}"
        with Bus(home) as bus, looping(clip, cameras) as served:
            turns: dict[str, list[Turn]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way, done in turns.items():
                    done.append(_turn(way, bus, served.urls, seconds, settling_seconds=3.0 * gop_seconds))
            idle = _idle(bus, seconds)
        _print(screen, gop_seconds, cameras, turns, idle)


def _turn(way: str, bus: Bus, urls: Mapping[str, str], seconds: float, *, settling_seconds: float) -> Turn:
    if way not in OURS:
        return _opencv(way, urls, seconds, settling_seconds)
    with bus.capturing(urls, record=way == "recording") as process:
        time.sleep(settling_seconds)  # until the capture knows the GOP
        usage = watch(process, seconds)
        time.sleep(0.5)
        sent = by_source(bus.samples())
    return Turn(usage, {camera: [Shown(one.t_ms, number_in(one.jpeg)) for one in sent[camera]] for camera in urls})


def _opencv(how: str, urls: Mapping[str, str], seconds: float, settling_seconds: float) -> Turn:
    command = tethered((sys.executable, "-m", "bench.opencv_reader", how, *urls.values()))
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=python_environment()
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    time.sleep(settling_seconds)
    usage = watch(psutil.Process(process.pid), seconds)
    time.sleep(0.5)
    printed, _ = process.communicate()
    kept = json.loads(printed.splitlines()[-1])
    return Turn(usage, {name: [Shown(*one) for one in of_camera] for name, of_camera in zip(urls, kept, strict=True)})


def _idle(bus: Bus, seconds: float) -> float:
    with bus.capturing({}, record=False) as process:
        time.sleep(3.0)
        return watch(process, seconds).cores


def _print(screen: Console, gop_seconds: int, cameras: int, turns: Mapping[str, Sequence[Turn]], idle: float) -> None:
    title = f"S2: 1080p H.264, 25 fps, GOP {gop_seconds} s, 1 sample/s, {cameras} cameras; % of a core per camera"
    table = Table(title=title)
    for column in (
        "",
        "median",
        "each turn",
        "OpenCV `read` is",
        "grid points filled",
        "after its point, ms",
        "memory, MB",
        "machine, cores",
    ):
        table.add_column(column, justify="left" if not column else "right")
    opencv = _shares(turns["read"], cameras)
    for way, done in turns.items():
        shares = _shares(done, cameras)
        ratio = median(their / our for their, our in zip(opencv, shares, strict=True))
        grid = [_filled(turn) for turn in done]
        table.add_row(
            WAYS[way],
            f"{median(shares):.2f}",
            "  ".join(f"{share:.2f}" for share in shares),
            "" if way == "read" else f"{ratio:.1f} ×{_verdict(way, gop_seconds, ratio)}",
            f"{sum(one.filled for one in grid)} of {sum(one.points for one in grid)}",
            f"{median(one.after_ms for one in grid):.0f}",
            f"{median(turn.usage.memory_mb for turn in done):.0f}",
            f"{median(turn.usage.machine_cores for turn in done):.2f}",
        )
    table.add_row("decoder without cameras, % of a core", f"{100 * idle:.2f}", "", "", "", "", "", "")
    screen.print(table)
    _print_times(screen, turns)


def _shares(turns: Sequence[Turn], cameras: int) -> list[float]:
    """Return the percent of a core that each camera took in each turn, the process's own work counted in."""
    return [100 * turn.usage.cores / cameras for turn in turns]


def _verdict(way: str, gop_seconds: int, ratio: float) -> str:
    if way not in OURS or gop_seconds > 1:
        return ""
    return f", target ≥ {TARGET:g} ×: {'met' if ratio >= TARGET else 'MISSED'}"


def _filled(turn: Turn) -> Filled:
    each = [filled(shown, turn.usage.began_ms, turn.usage.ended_ms) for shown in turn.shown.values()]
    points, full = sum(one.points for one in each), sum(one.filled for one in each)
    return Filled(points, full, median(one.after_ms for one in each))


def _print_times(screen: Console, turns: Mapping[str, Sequence[Turn]]) -> None:
    """Say whether the decoder's times are those of its pictures: of one camera's in all turns, and against their arrival."""
    cameras = list(turns["read"][0].shown)
    ours = {camera: [one for way in OURS for turn in turns[way] for one in turn.shown[camera]] for camera in cameras}
    theirs = {camera: [one for turn in turns["read"] for one in turn.shown[camera]] for camera in cameras}
    deviation_most_ms = max(map(deviation_ms, ours.values()))
    arrived = [earliest_ms(ours[camera], theirs[camera]) for camera in cameras]
    screen.print(
        f"Times of the decoder's pictures deviate by at most {deviation_most_ms:.0f} ms; "
        f"OpenCV had the same pictures {min(arrived):.0f} to {max(arrived):.0f} ms after them at the earliest."
    )
